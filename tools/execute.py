"""Run one notebook in a fresh kernel and measure the processor time that it takes.

Called by build.py and normalize.py; alone: `python tools/execute.py IN.ipynb OUT.ipynb`.
"""

import json
import re
import resource
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Failed(Exception):
    """A cell of the notebook raised, or the kernel died."""


def processor_time():
    """Seconds of user and system time of all child processes that have ended, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(notebook, folder, name, timeout=300):
    """Execute `notebook` in place with `folder` as working directory.

    Returns {"cpu": processor seconds of the kernel and its children, "wall": seconds}.
    Raises Failed with the notebook, the cell and the error.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    cpu, wall = processor_time(), time.monotonic()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Failed(f"{name}: a cell failed.\n{COLOURS.sub('', str(error)).strip()}") from None
    # The kernel has ended and been waited for, so that its time is in the children's sum.
    return {"cpu": processor_time() - cpu, "wall": time.monotonic() - wall}


def main(source, target):
    notebook = nbformat.read(source, as_version=4)
    try:
        times = run(notebook, Path(source).parent, source)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    nbformat.write(notebook, target)
    print(json.dumps(times))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
