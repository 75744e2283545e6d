"""The one form in which notebooks are stored: text outputs, no pictures, the same bytes every time.

    python tools/normalize.py [NOTEBOOK ...]             make normal
    python tools/normalize.py --check [NOTEBOOK ...]     say what is not normal, change nothing
    python tools/normalize.py --execute [NOTEBOOK ...]   run afresh, store its outputs

Without names: every notebook in chapters/. Pictures and widget states are made when the book is
built, so they are not stored. A cell's id is a hash of its text: an edit elsewhere does not change
it. A notebook with a code cell that was never run is refused: there would be nothing to compare.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import environment
import execute
import nbformat
from environment import ROOT

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}
KEPT = ("text/plain", "text/html", "text/markdown")


class NotNormal(ValueError):
    """A notebook that cannot be made normal without running it."""


def lines(text):
    """A notebook's way to store text: a list of lines."""
    text = "".join(text) if isinstance(text, list) else text
    return text.splitlines(keepends=True)


def outputs(cell):
    """The outputs that are stored: text only, prints that follow each other joined."""
    kept = []
    for output in cell.get("outputs", []):
        kind = output["output_type"]
        if kind == "stream":
            text = "".join(output["text"])
            if kept and kept[-1]["output_type"] == "stream" and kept[-1]["name"] == output["name"]:
                text = "".join(kept.pop()["text"]) + text
            kept.append({"name": output["name"], "output_type": kind, "text": lines(text)})
        elif kind == "error":
            kept.append(
                {key: output[key] for key in ("ename", "evalue", "output_type", "traceback")}
            )
        else:
            data = {mime: lines(output["data"][mime]) for mime in KEPT if mime in output["data"]}
            normal = {"data": data, "metadata": {}, "output_type": kind}
            if kind == "execute_result":
                normal["execution_count"] = cell["execution_count"]
            kept.append(normal)
    return kept


def identify(cells):
    """Give each cell the hash of its kind and text as id; equal cells are counted."""
    seen = {}
    for cell in cells:
        text = "".join(cell["source"])
        name = hashlib.sha256(f"{cell['cell_type']}\0{text}".encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def normal(text, name="notebook"):
    """The normal form of a notebook's text. Raises NotNormal."""
    try:
        notebook = json.loads(text)
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotNormal(f"{name}: not a notebook ({error})") from None
    result, count = [], 0
    for number, cell in enumerate(cells):
        source = "".join(cell["source"]).rstrip("\n")
        if not source.strip():
            continue
        tags = cell.get("metadata", {}).get("tags")
        clean = {
            "cell_type": cell["cell_type"],
            "metadata": {"tags": sorted(tags)} if tags else {},
            "source": lines(source),
        }
        if cell["cell_type"] == "code":
            if cell.get("execution_count") is None:
                raise NotNormal(
                    f"{name}: code cell {number} was never run ({source.splitlines()[0][:60]!r}); "
                    f"run it with: .venv/bin/python tools/normalize.py --execute {name}"
                )
            count += 1
            clean["execution_count"] = cell["execution_count"] = count
            clean["outputs"] = outputs(cell)
        result.append(clean)
    identify(result)
    notebook = {
        "cells": result,
        "metadata": {"kernelspec": KERNEL, "language_info": LANGUAGE},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def run(path, name):
    """Execute a notebook in a fresh kernel and save it in its normal form."""
    notebook = nbformat.read(path, as_version=4)
    times = execute.run(notebook, path.parent, name)
    path.write_text(normal(nbformat.writes(notebook), name), encoding="utf-8")
    print(f"{name}: executed, {times['cpu']:.1f} s of processor time")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The one form in which notebooks are stored.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check", action="store_true", help="change nothing, fail on what is not normal"
    )
    what.add_argument("--execute", action="store_true", help="run in a fresh kernel first")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    environment.apply()
    problems = []
    for path in options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb")):
        path = path.resolve()
        name = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
        try:
            if options.execute:
                run(path, name)
                continue
            text = path.read_text(encoding="utf-8")
            wanted = normal(text, name)
        except FileNotFoundError:
            problems.append(f"{name}: no such notebook")
        except (NotNormal, execute.Failed) as error:
            problems.append(str(error))
        else:
            if text != wanted and options.check:
                problems.append(
                    f"{name}: not normal; run: .venv/bin/python tools/normalize.py {name}"
                )
            elif text != wanted:
                path.write_text(wanted, encoding="utf-8")
                print(f"{name}: made normal")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
