"""``python -m optlib.benchmark``: run the benchmark, or go on with it.

Kill it whenever you like and start it again: what is done is kept, each block in a file, and
nothing is done twice. The results are the same bytes, however often it was interrupted.
"""

import argparse
import json
import pathlib
import sys
from collections import Counter

from tqdm.auto import tqdm

from optlib.benchmark import RESULTS, records
from optlib.benchmark.cost import costs
from optlib.benchmark.plan import Plan, pack
from optlib.benchmark.work import run

STAGES = {"tune": "tuning", "repo": "reporting"}


def arguments(words):
    parser = argparse.ArgumentParser("python -m optlib.benchmark", description=__doc__)
    add = parser.add_argument
    add("--status", action="store_true", help="say what is done, and do nothing")
    add("--jobs", type=int, help="processes at once; default: one for each core")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work instead")
    add("--only", metavar="PROBLEM,...", help="these problems only; needs --out")
    add("--protocol", type=pathlib.Path, default=records.PROTOCOL, help="another protocol")
    add("--records", type=pathlib.Path, default="_build/benchmark", help="where blocks are kept")
    add("--out", type=pathlib.Path, help=f"where the results go; default: {RESULTS.name}")
    add("--cost", action="store_true", help="time a step of each on this machine, and no more")
    return parser.parse_args(words)


def main(words=None):
    args = arguments(words)
    own = args.only is None and args.protocol == records.PROTOCOL
    if not (own or args.out or args.status):
        return "a part of the problems, or another protocol, is not the book's: give --out FILE"
    try:
        protocol = records.protocol(args.protocol)
        store = records.Store(args.records, protocol)
        plan = Plan(protocol, store, args.only and args.only.split(","))
        if args.status:
            return status(plan)
        out = args.out or RESULTS
        if args.cost:
            return out.with_name(out.stem + "-cost.json").write_text(json.dumps(costs(plan)) + "\n")
        run(plan, args.jobs, args.scheduler, bar)
    except (OSError, RuntimeError, ValueError) as error:
        return str(error)
    pack(plan, out)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def bar(stages, blocks, number):
    what = " and ".join(STAGES[stage] for stage in stages)
    return tqdm(blocks, total=number, desc=what, unit="block", smoothing=0)


def status(plan):
    """A line for each problem, and the sum."""
    done = Counter(path.parent.name for path in plan.store.folder.glob("*/*.json"))
    todo = Counter(block.problem for block in plan.todo())
    print(f"records in {plan.store.folder}")
    for problem in plan.problems:
        left = f"{todo[problem]} blocks can be run now" if todo[problem] else "complete"
        print(f"{problem:20} {done[problem.replace(' ', '_')]:4} blocks done, {left}")


if __name__ == "__main__":
    sys.exit(main())
