"""The blocks of a plan, done: on the cores of this machine, or on the workers of a Dask cluster.

One process writes. A worker holds nothing: if it dies, its block is computed again elsewhere.
"""

import concurrent.futures
import contextlib
import fcntl
import multiprocessing
import os
import re
import threading

from optlib.benchmark import records

RETRIES = 3  # of a block whose worker died
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def run(plan, jobs=None, scheduler=None, bar=None):
    """Do all that is missing; ``bar(stage, blocks)`` wraps the blocks done of each round."""
    if scheduler and not re.fullmatch(r"[a-z]+://\S+:\d+", scheduler):
        raise ValueError(f"--scheduler {scheduler}: give its address, as in tcp://HOST:8786")
    if jobs is not None and jobs < 1:
        raise ValueError(f"--jobs {jobs}: at least 1; leave it out to use all cores")
    with sole_writer(plan.store.folder), workers(plan, jobs, scheduler) as done:
        while todo := plan.todo():
            stages = sorted({block.stage[:4] for block in todo})
            finished = done([plan.job(block) for block in todo])
            finished = bar(stages, finished, len(todo)) if bar else finished
            for block, text in finished:
                plan.store.put(block, text)


def workers(plan, jobs, scheduler):
    return on_cluster(plan, scheduler) if scheduler else on_this_machine(jobs)


@contextlib.contextmanager
def on_this_machine(jobs):
    """Yields a function: jobs -> (block, record), as they are done."""
    for name in THREADS:  # each block on one core: the processes are the parallelism
        os.environ[name] = "1"
    spawn = multiprocessing.get_context("spawn")
    number = jobs or os.cpu_count()
    with concurrent.futures.ProcessPoolExecutor(number, spawn, leave_with_parent) as pool:

        def done(todo):
            futures = {pool.submit(records.compute, *job): job[0] for job in todo}
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()

        try:
            yield done
        finally:  # an interrupted run does not start what is still waiting
            pool.shutdown(wait=True, cancel_futures=True)


def leave_with_parent():
    """In a worker: if the run is killed, do not wait for more work for ever."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def on_cluster(plan, scheduler):
    """The same on a cluster. Its workers need this commit, and numpy and Python as here."""
    from distributed import Client, as_completed

    mark = plan.store.fingerprint
    with Client(scheduler, set_as_default=False) as client:

        def done(todo):
            futures = {}
            for job in todo:
                future = client.submit(
                    remote, plan.protocol, mark, *job,
                    key=f"benchmark-{mark[:16]}-{job[0].file}", retries=RETRIES,
                )  # fmt: skip
                futures[future.key] = job[0], future
            waiting = [future for _, future in futures.values()]
            for future in as_completed(waiting, loop=client.loop):
                text = future.result()
                future.release()
                yield futures.pop(future.key)[0], text

        yield done


def remote(protocol, mark, *job):
    """What a worker does: one block."""
    if records.fingerprint(protocol) != mark:
        raise RuntimeError(
            "this worker's optlib, numpy or Python differs from that of the machine that asks; "
            "bring it to the same commit and make it anew"
        )
    return records.compute(*job)


@contextlib.contextmanager
def sole_writer(folder):
    """Hold the lock of these records; it ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(
                f"{folder}: another run writes there now; wait for it, or end it (nothing gets "
                "lost), and start again"
            ) from None
        yield
