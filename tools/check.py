"""All tests in one pytest run, its summary last: `make test`, or `make test ARGS="-k widget"`.

Three processes share the work of two cores by file, in the order of conftest.py: the tests in the
browser wait for frames, and two of them would leave the cores idle now and then. nbval is strict:
it runs every cell of every chapter and compares each output with the stored one. The browser tests
build the book first, if need be.
"""

import os
import sys

import browser
import debian
import environment
from environment import ROOT


def main():
    environment.apply()
    os.environ["CHROMIUM"] = browser.get()
    debian.sandbox()
    debian.database()
    os.chdir(ROOT)
    command = [
        sys.executable, "-m", "pytest", "-q", "-n", str(min(2, os.cpu_count() or 1) + 1),
        "--dist", "loadscope", "--no-loadscope-reorder",
        "--nbval", "--nbval-current-env", "tests", "chapters",
    ]  # fmt: skip
    sys.stdout.flush()
    os.execv(sys.executable, command + sys.argv[1:])


if __name__ == "__main__":
    main()
