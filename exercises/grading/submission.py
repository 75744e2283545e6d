"""Reads what was handed in: bytes of a stranger, until they have become the texts of cells."""

import json
from dataclasses import dataclass

LARGEST = 16 << 20  # bytes of a notebook; pictures in outputs are its weight
MOST_CELLS = 1000


class Unreadable(ValueError):
    """Why the bytes are no notebook, in words for the student."""


@dataclass(frozen=True)
class Cell:
    """number : its place, from 1. kind : code or markdown. name : its grade_id or None."""

    number: int
    kind: str
    source: str
    name: str | None


def cells(data):
    """The cells of a notebook given as bytes. Nothing of it is trusted, outputs are not read."""
    if not data.strip():
        raise Unreadable("the file is empty: save the notebook and hand it in again")
    if len(data) > LARGEST:
        raise Unreadable(
            f"the file has {len(data) / 2**20:.0f} MB and may have {LARGEST >> 20}: choose "
            "'Clear outputs of all cells', save, and hand it in again"
        )
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable(
            "the file is not a notebook (no JSON); hand in the .ipynb file itself, complete"
        ) from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Unreadable(
            "the file has no cells as a notebook of format 4 has; open it in a current Jupyter, "
            "save, and hand it in again"
        )
    if len(notebook["cells"]) > MOST_CELLS:
        raise Unreadable(f"the notebook has more than {MOST_CELLS} cells")
    return [_cell(number, cell) for number, cell in enumerate(notebook["cells"], 1)]


def _cell(number, cell):
    cell = cell if isinstance(cell, dict) else {}
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        source = ""
    meta = cell.get("metadata")
    meta = meta.get("nbgrader") if isinstance(meta, dict) else None
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    kind = "code" if cell.get("cell_type") == "code" else "markdown"
    # half of a surrogate pair is no text that can be written to a file
    source = source.encode("utf-8", "replace").decode("utf-8")
    return Cell(number, kind, source, name if isinstance(name, str) else None)
