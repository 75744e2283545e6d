"""python -m benchmarks [--quick]: measure, print, and write benchmarks/results.md.

--quick takes seconds, checks that all variants compute the same numbers, times too little to mean
anything, and writes no file. torch is optional; without it its columns say so.
"""

import os

for library in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB"):  # before numpy is imported
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse  # noqa: E402
import platform  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks import steps, sweeps  # noqa: E402
from benchmarks.timing import ratio  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

ABSENT = "absent"
RESULTS = Path(__file__).with_name("results.md")
NAMES = {"adam": "Adam", "momentum": "Momentum", "gd": "GD"}


def number(value, unit=""):
    if value is None:
        return ABSENT
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return digits + unit


def duration(seconds):
    if seconds < 1e-3:
        return number(1e6 * seconds, " µs")
    return number(1e3 * seconds, " ms") if seconds < 1 else number(seconds, " s")


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def import_time():
    """Seconds that ``import optlib`` takes once numpy is there: the median of five processes."""
    program = (
        "import numpy, time; t = time.process_time(); import optlib; print(time.process_time() - t)"
    )
    root = Path(__file__).resolve().parents[1]
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
        for _ in range(5)
    ]
    return median(float(run.stdout) for run in runs)


def report(quick):
    """The text of results.md."""
    if torch:
        torch.set_num_threads(1)
    steps.check(torch)
    sweeps.check(torch)
    rounds, seconds = (1, 1e-4) if quick else (9, 0.05)
    sizes = (1000, 20_000) if quick else (1000, 100_000, 10_000_000)
    on_steps = list(steps.measure(torch, sizes, rounds, seconds))
    on_sweeps = list(sweeps.measure(torch, 5 if quick else 200, rounds, seconds))
    imported = import_time()

    others = ["plain", "in place", "torch", "torch fused"]
    step_rows, check_rows = [], []
    for rule, size, dtype, times in on_steps:
        what = f"{NAMES[rule]}, {size:,} numbers, {dtype}"
        cells = [number(ratio(times, other)) for other in others]
        step_rows.append([what, duration(median(times["optlib"])), *cells])
        bare = times["optlib, no check"]
        cost = median(a - b for a, b in zip(times["optlib"], bare, strict=True))
        share = 1 - ratio(times, "optlib, no check")
        check_rows.append([what, duration(max(cost, 0.0)), f"{100 * max(share, 0.0):.0f} %"])
    sweep_rows = [
        [
            f"{NAMES[rule]}, 1000 configurations",
            duration(median(times["optlib"])),
            *(number(ratio(times, other)) for other in ("in place", "plain", "torch")),
        ]
        for rule, times in on_sweeps
    ]
    by_step = {(rule, size, dtype): times for rule, size, dtype, times in on_steps}
    small, large = min(sizes), max(sizes)
    goals = []

    def goal(what, target, value, met, unit=" x"):
        verdict = ABSENT if value is None else "yes" if met(value) else "no"
        goals.append([what, target, number(value, "" if value is None else unit), verdict])

    for dtype in ("float32", "float64"):
        fast = by_step["adam", small, dtype]
        goal(
            f"Adam step, {small:,} numbers, {dtype}: torch default over optlib",
            "at least 10 x",
            ratio(fast, "torch"),
            lambda v: v >= 10,
        )
        goal(
            f"Adam step, {small:,} numbers, {dtype}: torch fused over optlib",
            "at least 3 x",
            ratio(fast, "torch fused"),
            lambda v: v >= 3,
        )
        goal(
            f"Adam step, {large:,} numbers, {dtype}: torch default over optlib",
            "at least 0.7 x",
            ratio(by_step["adam", large, dtype], "torch"),
            lambda v: v >= 0.7,
        )
    for rule in NAMES:
        worst = max(
            median(a / b for a, b in zip(times["optlib"], times["in place"], strict=True))
            for (name, *_), times in by_step.items()
            if name == rule
        )
        goal(
            f"{NAMES[rule]} step: optlib over the best in-place numpy, worst case",
            "at most 1.5 x",
            worst,
            lambda v: v <= 1.5,
        )
    for rule, times in on_sweeps:
        goal(
            f"{NAMES[rule]} sweep: torch loop over optlib",
            "at least 5,000 x",
            ratio(times, "torch"),
            lambda v: v >= 5000,
        )
        time = 1e3 * median(times["optlib"])
        goal(f"{NAMES[rule]} sweep: time", "below 10 ms", time, lambda v: v < 10, " ms")
    goal(
        "import optlib, after numpy",
        "below 150 ms",
        1e3 * imported,
        lambda v: v < 150,
        " ms",
    )

    with_torch = f"torch {torch.__version__}" if torch else "torch absent (pip install torch)"
    return f"""# Speed

Made by `python -m benchmarks`: one process, one thread, CPU time, all variants in turn,
{rounds} round{"s" * (rounds > 1)}; ratios are medians of the rounds' ratios. All variants compute
the same numbers: that is checked before anything is timed.

Python {platform.python_version()}, numpy {np.__version__}, {with_torch}; {processor()}. Another
machine gives other numbers, and a busy one worse ones.

## One optimizer step

The time of `step`, and how many times as long the others need (above 1: optlib is faster).
*Plain* is numpy as one writes it, looping over six tensors; *in place* is numpy written by hand for
speed alone, on one flat vector; torch works on the same six tensors.

{table(["", "optlib", "plain", "in place", "torch", "torch fused"], step_rows)}

## A sweep of 1000 configurations

50 learning rates times 20 momenta, {5 if quick else 200} steps on Rosenbrock's function, every
iterate recorded. *Plain* loops over the configurations in numpy and *torch* in torch with autograd;
both are timed on one configuration and multiplied by 1000. *In place* is the sweep by hand, nothing
recorded.

{table(["", "optlib", "in place", "plain", "torch"], sweep_rows)}

## What looking at the gradient costs

`step` refuses a gradient with a NaN in it, `advance` does not look: the difference, and its share
of `step`. Small differences drown in noise.

{table(["", "check", "share"], check_rows)}

## Goals

{table(["", "goal", "measured", "met"], goals)}

Not a goal, and not reached: torch fused on large vectors. It makes one pass over memory where numpy
makes thirteen.
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: no file, no meaning")
    arguments = parser.parse_args()
    if not torch:
        print("torch is absent: its columns stay empty. pip install torch fills them.\n")
    text = report(arguments.quick)
    print(text)
    if not arguments.quick:
        RESULTS.write_text(text, encoding="utf-8")
        print(f"written to {RESULTS.parent.name}/{RESULTS.name}")


if __name__ == "__main__":
    main()
