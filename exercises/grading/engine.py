"""Grades all that was collected: on all cores here, or on the workers of a Dask cluster.

One process writes (:func:`exercises.grading.files.sole_writer`), each record in one step and under
a key that names all on which it depends. So a run may be killed at any instant and started again:
what is whole is kept, what is missing or out of date is graded, and the end is the same.
"""

import concurrent.futures
import functools
import json
import os
import re
import tempfile
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from exercises.assignment import Assignment
from exercises.grading import files, sandbox
from exercises.grading.grade import grade, grader, key

RETRIES = 3  # of a submission whose worker died


@dataclass
class Summary:
    """What a run did: numbers of attempts, and the errors that kept some from being graded."""

    graded: int = 0
    kept: int = 0
    errors: list = field(default_factory=list)


def run(
    course, assignments=None, students=None, *, jobs=None, scheduler=None, force=False,
    unsafe=False, progress=None,
):  # fmt: skip
    """Grade every attempt whose record is missing or out of date; return a :class:`Summary`.

    assignments, students : names to which to keep; all if None
    jobs : how many at once on this machine; its cores if None
    scheduler : address of a Dask scheduler that spreads the work instead
    force : grade again what has a valid record
    unsafe : without a sandbox, see :func:`exercises.grading.sandbox.check`
    progress : called with (done, all) at the start and after each
    """
    if scheduler and not re.fullmatch(r"[a-z]+://\S+:\d+", scheduler):
        raise ValueError(f"--scheduler {scheduler}: give its address, as in tcp://HOST:8786")
    if not scheduler:
        private = [course.file, *(p.assignment.folder / "hidden.py" for p in course.plans.values())]
        sandbox.check(unsafe, private)
    with files.sole_writer(course.folder):
        limits = sandbox.Limits(**course.limits)
        todo, summary = [], Summary()
        for attempt in waiting_or_done(course, assignments, students):
            plan = course.plans[attempt.assignment]
            wanted = key(plan.assignment, attempt.path.read_bytes(), seed=plan.seed, limits=limits)
            if not force and recorded_key(attempt.record_path) == wanted:
                summary.kept += 1
            else:
                todo.append((attempt, plan, wanted))
        if progress:
            progress(0, len(todo))
        work = on_cluster if scheduler else on_this_machine
        done = work(todo, limits, unsafe, scheduler or jobs)
        for number, (attempt, record, error) in enumerate(done, 1):
            if error:
                summary.errors.append(f"{attempt.student}, {attempt.assignment}: {error}")
            else:
                files.write_atomically(attempt.record_path, to_bytes(record))
                summary.graded += 1
            if progress:
                progress(number, len(todo))
        summary.errors.sort()
        return summary


def waiting_or_done(course, assignments, students):
    """The attempts of these assignments and students, in order."""
    return [
        attempt
        for attempt in course.attempts()
        if assignments is None or attempt.assignment in assignments
        if students is None or attempt.student in students
    ]


def recorded_key(path):
    """The key of a record; None if there is none that can be read."""
    try:
        return json.loads(path.read_bytes())["key"]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def to_bytes(record):
    return (json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def on_this_machine(todo, limits, unsafe, jobs):
    """Yields (attempt, record, error) as they are done. The work is done in other processes
    anyway, the sandboxes, so that threads are enough here."""

    def one(item):
        attempt, plan, _ = item
        data = attempt.path.read_bytes()
        return grade(plan.assignment, data, seed=plan.seed, limits=limits, unsafe=unsafe)

    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        futures = {pool.submit(one, item): item for item in todo}
        try:
            for future in concurrent.futures.as_completed(futures):
                yield (futures[future][0], *outcome(future))
        finally:  # an interrupted run does not start what is still waiting
            pool.shutdown(wait=True, cancel_futures=True)


def outcome(future):
    """(record, None) or (None, why there is none)."""
    try:
        return future.result(), None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename).name == "hidden.py"]
        where = f" (hidden.py, line {lines[-1]})" if lines else ""
        return None, f"{type(error).__name__}: {error}{where}"


def on_cluster(todo, limits, unsafe, scheduler):
    """The same on a Dask cluster. Workers need this repository and bubblewrap, and hold nothing: a
    worker that dies costs time, for its submissions are graded by another."""
    from distributed import Client, as_completed

    with Client(scheduler, set_as_default=False) as client:
        expected, futures = {}, {}
        for attempt, plan, wanted in todo:
            names = ("source.ipynb", "hidden.py")  # small, so that each task can bring its own
            texts = tuple((name, (plan.assignment.folder / name).read_bytes()) for name in names)
            future = client.submit(
                remote, texts, plan.assignment.name, plan_seed(plan),
                asdict(limits), attempt.path.read_bytes(), grader(), unsafe,
                key=f"grade-{attempt.student}-{wanted[:16]}", retries=RETRIES,
            )  # fmt: skip
            futures[future.key], expected[future.key] = (attempt, future), wanted
        waiting = [future for _, future in futures.values()]
        for future in as_completed(waiting, loop=client.loop):
            record, error = outcome(future)
            if not error:
                record = json.loads(record)
                if record["key"] != expected[future.key]:
                    error = "the worker's record has another key than this machine's"
            yield futures[future.key][0], record, error


def plan_seed(plan):
    """The seed as a number, for a worker that has no seed.txt."""
    if plan.seed is not None:
        return plan.seed
    return int((plan.assignment.folder / "seed.txt").read_text())


def remote(texts, name, seed, limits, data, fingerprint, unsafe):
    """What a worker does: one submission, as text."""
    if grader() != fingerprint:
        raise RuntimeError(
            "this worker's grader differs (its code, optlib, Python or numpy); bring it to "
            "the same commit and make it anew"
        )
    sandbox_holds(unsafe)
    record = grade(
        sheet(texts, name), data, seed=seed,
        limits=sandbox.Limits(**limits), unsafe=unsafe,
    )  # fmt: skip
    return to_bytes(record).decode()


@functools.cache
def sandbox_holds(unsafe):
    sandbox.check(unsafe)


@functools.lru_cache(maxsize=8)
def sheet(texts, name):
    """The assignment whose files were sent, in a folder of this worker that others cannot read."""
    home = tempfile.TemporaryDirectory(prefix="grading-")
    folder = Path(home.name) / name
    folder.mkdir()
    for file, data in texts:
        (folder / file).write_bytes(data)
    assignment = Assignment(folder)
    assignment.home = home  # deleted with it
    return assignment
