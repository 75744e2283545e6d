"""Build the book: `_build/html`, or one clear reason why not.

    python tools/build.py [--source BOOK] [--out FOLDER] [--cpu-budget SECONDS] [--jobs N]

1. Each notebook of _toc.yml is executed in a fresh kernel, two at a time. A failing cell or more
   than the budget of processor time fails the build. A result is kept until the code of the
   notebook, a file of optlib, the lock or the Python changes; editing prose runs nothing.
2. Jupyter Book makes the whole site afresh; every warning is an error. Only a site that is complete
   takes the place of the one before.
3. JupyterLite with the same chapters is put beside them (tools/lite.py).
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environment
import lite
import nbformat
import pictures
import weigh
import yaml
from environment import ROOT
from execute import COLOURS

CPU_BUDGET = 30.0  # seconds for one chapter


def chapters(source):
    """The notebooks that _toc.yml names, in its order."""

    def files(node):
        if isinstance(node, dict):
            if "file" in node or "root" in node:
                yield node.get("file") or node.get("root")
            for value in node.values():
                yield from files(value)
        elif isinstance(node, list):
            for value in node:
                yield from files(value)

    toc = yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))
    names = (source / name for name in files(toc))
    candidates = [p if p.suffix == ".ipynb" else p.with_name(p.name + ".ipynb") for p in names]
    return [path for path in candidates if path.exists()]


def library_hash():
    """One hash of all that a chapter's outputs depend on besides its own code."""
    digest = hashlib.sha256(sys.version.encode())
    files = [ROOT / "requirements.lock", ROOT / "tools/execute.py"]
    files += sorted(
        path for path in (ROOT / "optlib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )  # fmt: skip
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def beside(path, code):
    """The texts that a page's code reads: other pages, tables of facts, the changelog."""
    kinds = {".ipynb": "*.ipynb", ".toml": "*.toml", "CHANGELOG.md": "../CHANGELOG.md"}
    reads = [kind for name, kind in kinds.items() if any(name in source for source in code)]
    files = sorted(file for kind in reads for file in path.parent.glob(kind) if file != path)
    return [file.read_text(encoding="utf-8") for file in files]


def code_key(notebook, library, path):
    """The name under which an execution is kept."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    kept = [library, code, *beside(path, code)]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def execute(path, store, library):
    """Leave the executed notebook in `store`; returns a row for the report."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    kept = store / "runs" / f"{code_key(notebook, library, path)}.ipynb"
    times = kept.with_suffix(".json")
    fresh = not (kept.exists() and times.exists())
    if fresh:
        kept.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, str(ROOT / "tools/execute.py"), str(path), str(kept)],
            env={**os.environ, "OPTLIB_FIGURES": "book"}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            return {"path": path, "error": done.stderr.strip()}
        times.write_text(done.stdout.strip().splitlines()[-1])
    executed = nbformat.read(kept, as_version=4)
    results = iter(cell for cell in executed.cells if cell.cell_type == "code")
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            result = next(results)
            cell.execution_count = result.execution_count
            where = f"{path.name}: cell {number} ({cell.source.strip().splitlines()[-1][:60]})"
            try:
                cell.outputs = pictures.dress(result.outputs, where, store / "pictures")
            except pictures.MissingAlt as error:
                return {"path": path, "error": str(error)}
    for name in ("widgets", "language_info"):  # the widgets' states; how to colour the code
        if name in executed.metadata:
            notebook.metadata[name] = executed.metadata[name]
    nbformat.write(notebook, store / f"{hashlib.sha256(text.encode()).hexdigest()}.ipynb")
    return {"path": path, "fresh": fresh, **json.loads(times.read_text())}


def execute_all(source, store, budget, jobs):
    """Execute every chapter and print the report; returns the list of what went wrong."""
    library = library_hash()
    for old in store.glob("*.ipynb"):
        old.unlink()
    store.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        rows = list(pool.map(lambda path: execute(path, store, library), chapters(source)))
    problems = [row["error"] for row in rows if "error" in row]
    times = {
        str(row["path"].relative_to(source).with_suffix("")): {k: row[k] for k in ("cpu", "wall")}
        for row in rows if "error" not in row
    }  # fmt: skip
    (store / "times.json").write_text(json.dumps(times))  # for the page that tells the evidence
    good = [row for row in rows if "error" not in row]
    if good:
        print(f"{'chapter':<44}{'processor':>10}{'wall':>9}   budget {budget:g} s")
    for row in good:
        name = row["path"].relative_to(source)
        note = "" if row["fresh"] else "   (measured earlier: its code and optlib are unchanged)"
        print(f"{name!s:<44}{row['cpu']:>8.1f} s{row['wall']:>7.1f} s{note}")
        if row["cpu"] > budget:
            problems.append(
                f"{name}: took {row['cpu']:.1f} s of processor time, the budget is {budget:g} s. "
                "Do less work in its cells, or move work into a faster function of optlib."
            )
    return problems


def book(source, store, work):
    """Let Jupyter Book make the site in `work`; returns the folder of the site or None."""
    shutil.rmtree(work, ignore_errors=True)
    command = [
        str(Path(sys.executable).with_name("jupyter-book")), "build", str(source),
        "--path-output", str(work), "-W", "-n", "--keep-going", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "DESCENT_EXECUTED": str(store)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        print(COLOURS.sub("", done.stdout).strip(), file=sys.stderr)
        return None
    return work / "_build" / "html"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("--source", type=Path, default=ROOT, help="folder with _config.yml")
    parser.add_argument("--out", type=Path, help="folder for the site (BOOK/_build/html)")
    parser.add_argument("--cpu-budget", type=float, default=CPU_BUDGET, help="seconds per chapter")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args(arguments)
    environment.apply()
    source = options.source.resolve()
    out = (options.out or source / "_build" / "html").resolve()
    store, work = out.parent / "executed", out.parent / "next"
    if not (source / "_toc.yml").exists():
        sys.exit(f"build: {source} holds no _toc.yml, so it is not a book")

    out.parent.mkdir(parents=True, exist_ok=True)
    lock = (out.parent / "build.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # a second build waits; held until this process ends

    start = time.monotonic()
    problems = execute_all(source, store, options.cpu_budget, options.jobs)
    if problems:
        sys.exit("build: not built.\n\n" + "\n\n".join(problems))
    site = book(source, store, work)
    if site is None:
        sys.exit("build: not built. Every warning above is an error in this book.")
    weigh.fill(site)
    report = weigh.report(site)
    if source == ROOT:  # another book has no JupyterLite
        report += "\n" + lite.add(site)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(site, out)
    shutil.rmtree(work)
    print(report)
    print(f"Built in {time.monotonic() - start:.0f} s: {out}")


if __name__ == "__main__":
    main()
