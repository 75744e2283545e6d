"""Style, spelling, and that every notebook is normal: `make lint`."""

import subprocess
import sys
from pathlib import Path

from environment import ROOT

BIN = Path(sys.executable).parent
STEPS = {
    "style": [str(BIN / "ruff"), "check", "--quiet", "."],
    "spelling": [str(BIN / "codespell")],
    "notebooks": [sys.executable, "tools/normalize.py", "--check"],
}


def main():
    failed = [name for name, step in STEPS.items() if subprocess.run(step, cwd=ROOT).returncode]
    if failed:
        sys.exit(f"lint: {', '.join(failed)}: see above")
    print("lint: clean")


if __name__ == "__main__":
    main()
