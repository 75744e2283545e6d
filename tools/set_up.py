"""The first code cell of every chapter: `python tools/set_up.py` writes it into all of them.

One notebook runs everywhere: where the book is built, on Binder and in the browser optlib is there,
and the cell does nothing; elsewhere, in Colab say, it fetches the wheel that is published with the
book, once. The book's pages do not show it.
"""

import json
import sys
from pathlib import Path

import environment
import normalize
from environment import ROOT

sys.path.insert(0, str(ROOT / "site"))
sys.path.insert(0, str(ROOT))
from descent_site import address, doors

TAG = "remove-cell"  # MyST-NB leaves the cell out of the page
CELL = '''\
# Set-up: nothing happens where optlib is installed. In Colab it is fetched, once.
import sys

WHEEL = "{wheel}"
try:
    import optlib
except ModuleNotFoundError as missing:
    if missing.name == "optlib" and sys.platform != "emscripten":  # the browser has no pip
        get_ipython().run_line_magic(
            "pip", f'install --quiet "descent-optlib[figures,widgets] @ {{WHEEL}}"'
        )
    try:
        import optlib
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"{{missing.name or 'numpy'}} is not installed and could not be fetched. If you are "
            f"offline, go online and run this cell again, or install {{WHEEL}} as README.md says."
        ) from None

# An unrelated package named optlib exists on the public index.
if getattr(optlib, "__distribution__", None) != "descent-optlib":
    raise ImportError(f"{{optlib.__file__}} is not the book's optlib: see README.md")'''


def cell():
    """The text of the cell: it stands in the repository, so it names the site of that."""
    return CELL.format(wheel=f"{address.pages(address.written())}{doors.WHEEL}")


def write(path):
    """Put the cell first among the code cells of a notebook, in place of an older one."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    at = next(n for n, one in enumerate(cells) if one["cell_type"] == "code")
    if TAG in cells[at]["metadata"].get("tags", []):
        cells.pop(at)
    new = {"cell_type": "code", "execution_count": 1, "metadata": {"tags": [TAG]}, "outputs": []}
    cells.insert(at, new | {"source": cell().splitlines(keepends=True)})
    text = normalize.normal(json.dumps(notebook), path.name)
    if text != path.read_text(encoding="utf-8"):
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: set-up cell written")


def main():
    environment.apply()
    for path in sorted(Path(ROOT / "chapters").glob("*.ipynb")):
        write(path)


if __name__ == "__main__":
    main()
