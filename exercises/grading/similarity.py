"""Submissions that look alike, beside how much any two of this class look alike.

The measure is that of MOSS (Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for
document fingerprinting", SIGMOD 2003) on Python's tokens. Names become one letter (not attributes:
``linalg.norm``); comments, docstrings and layout fall away; every K tokens in a row are hashed, and
of each WINDOW hashes in a row the smallest is kept. A passage of K + WINDOW - 1 tokens that two
students share is always seen, whatever its names and wherever it stands. What stands in the
released notebook does not count.

    similarity = shared fingerprints / fingerprints of the one who has fewer

Short right answers look alike: a function that follows its text closely may share 0.6 with another
that was written without it. So each pair comes with what is usual in this class, the larger one of
both students' median similarities to all others, and is listed only if it stands out from that.
Being listed is a reason to read both, and proves nothing; not being listed proves nothing either
(a single copied function among three, or a copy of a text that half of the class has, is not seen).

Own code rather than the library copydetect 0.5.0 (MIT; the same measure on characters): that one
hashes with Python's salted ``hash``, so its numbers change from run to run.
"""

import json
import keyword
import re
import zlib
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from exercises.grading.export import csv_bytes, plain_text
from exercises.grading.files import write_atomically
from exercises.release import student_version

K, WINDOW = 9, 4
FEWEST = 12  # fingerprints; with fewer a similarity means nothing
MOST = 200_000  # characters of one student's code that are looked at
LEAST, ABOVE = 0.75, 0.25  # listed: at least so similar, and so much more than usual

TOKEN = re.compile(
    r"""(?P<skip>\#[^\n]*|[\s\\]+)
    |(?P<text>[rbuftRBUFT]{0,3}(?:\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)
        |"(?:\\.|[^"\\\n])*(?:"|$|\\\Z)|'(?:\\.|[^'\\\n])*(?:'|$|\\\Z)))
    |(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?[jJ]?)
    |(?P<name>\w+)
    |(?P<sign>\*\*=?|//=?|<<=?|>>=?|->|:=|[-+*/%@&|^=!<>]=|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Pair:
    """Two students. ``usual`` is None in a class of two; passages: (code of one, of other)."""

    one: str
    other: str
    similarity: float
    usual: float | None
    shared: int  # fingerprints in common
    listed: bool
    passages: tuple


def pairs(course, assignment, results):
    """The pairs that share at least LEAST, those first that stand out most.

    ``results`` says which attempt of each student counts. Who handed in nothing that can be read,
    or too little to compare, is in no pair.
    """
    sheet = course.plans[assignment].assignment
    released = student_version(sheet)["cells"]
    given = "\n".join(cell["source"] for cell in released if cell["cell_type"] == "code")
    given = set(_shingles(tokens(given)))
    codes, prints = {}, {}
    for result in sorted(results, key=lambda result: result.student.id):
        if result.attempt is None:
            continue
        code = authored(result.attempt.path.read_bytes(), sheet)
        own = {h: at for h, at in fingerprints(code).items() if h not in given}
        if len(own) >= FEWEST:
            codes[result.student.id], prints[result.student.id] = code, own
    ids = list(prints)
    shared, similar = _compare([prints[name] for name in ids])
    # of each student: similarities to all others, in rising order
    ordered = [sorted(np.delete(row, i).tolist()) for i, row in enumerate(similar)]
    rows = []
    for i, j in np.argwhere(np.triu(similar >= LEAST, 1)):
        usual = None
        if len(ids) > 2:
            usual = max(_median_without(ordered[k], similar[i, j]) for k in (i, j))
        listed = usual is None or similar[i, j] - usual >= ABOVE
        passages = ()
        if listed:
            both = [(codes[ids[k]], prints[ids[k]]) for k in (i, j)]
            passages = _passages(*both)
        rows.append(
            Pair(ids[i], ids[j], float(similar[i, j]), usual, int(shared[i, j]), listed, passages)
        )
    return sorted(rows, key=lambda p: ((p.usual or 0) - p.similarity, p.one, p.other))


def authored(data, sheet):
    """The code in a notebook that is not, cell for cell, in the sheet; "" if it is no notebook."""
    given = {cell["source"].strip() for cell in student_version(sheet)["cells"]}
    try:
        cells = json.loads(data)["cells"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    found = []
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            lines = cell.get("source")
            lines = [lines] if isinstance(lines, str) else lines if isinstance(lines, list) else []
            source = "".join(line for line in lines if isinstance(line, str))
            if source.strip() not in given:
                found.append(source)
    return "\n".join(found)[:MOST]


def _compare(prints):
    """Matrices of shared fingerprints and of similarities."""
    owners = defaultdict(list)
    for i, own in enumerate(prints):
        for fingerprint in own:
            owners[fingerprint].append(i)
    shared = np.zeros((len(prints), len(prints)), dtype=np.int32)
    for who in owners.values():
        if len(who) > 1:
            shared[np.ix_(who, who)] += 1
    size = np.array([len(own) for own in prints])
    return shared, shared / np.minimum(size[:, None], size[None, :]) if len(prints) else shared


def _median_without(values, one):
    """The median of sorted values after one of them has been taken out."""
    out, rest = bisect_left(values, one), len(values) - 1
    low, high = (k + (k >= out) for k in ((rest - 1) // 2, rest // 2))
    return (values[low] + values[high]) / 2


def _passages(one, other, most=3):
    """The longest passages that two have in common, as they stand in each."""
    (code_a, prints_a), (code_b, prints_b) = one, other
    runs = []
    for (a0, a1), (b0, b1) in sorted(
        (prints_a[h][0], prints_b[h][0]) for h in prints_a if h in prints_b
    ):
        if runs and a0 <= runs[-1][1] + 1 and runs[-1][2] <= b0 <= runs[-1][3] + 1:
            runs[-1][1], runs[-1][3] = max(runs[-1][1], a1), max(runs[-1][3], b1)
        else:
            runs.append([a0, a1, b0, b1])
    runs.sort(key=lambda run: (run[0] - run[1], run))
    lines_a, lines_b = code_a.split("\n"), code_b.split("\n")
    return tuple(
        ("\n".join(lines_a[a0 - 1 : a1]), "\n".join(lines_b[b0 - 1 : b1]))
        for a0, a1, b0, b1 in runs[:most]
    )


def tokens(code):
    """(word, line) of each token; names are v, attributes and keywords stay; works on any text."""
    found, before, start = [], "", True
    line = 1
    for match in TOKEN.finditer(code):
        kind, word = match.lastgroup, match[0]
        if kind == "name" and before != "." and not keyword.iskeyword(word):
            word_as = "v"
        elif kind == "number":
            word_as = _number(word)
        elif kind == "text":
            word_as = "" if start else "s"  # a line that is a string: a docstring
        elif kind == "skip":
            word_as = ""
        else:
            word_as = word
        if word_as:
            found.append((word_as, line))
            before = word
        if kind != "skip" or "\n" in word:
            start = kind == "skip"
        line += word.count("\n")
    return found


def _number(word):
    try:
        return repr(float(word.replace("_", "")))
    except ValueError:
        return word


def fingerprints(code):
    """hash -> lines at which it begins: the winnowed shingles of a text."""
    words = tokens(code)
    hashes = _shingles(words)
    found, last = defaultdict(list), None
    for i in range(max(len(hashes) - WINDOW + 1, min(len(hashes), 1))):
        window = hashes[i : i + WINDOW]
        least = min(window)
        at = i + len(window) - 1 - window[::-1].index(least)  # the rightmost, as in the paper
        if at != last:
            found[least].append((words[at][1], words[at + K - 1][1]))
            last = at
    return dict(found)


def _shingles(words):
    """A hash of every K tokens in a row; not Python's own, which differs in each process."""
    return [
        zlib.crc32(" ".join(word for word, _ in words[i : i + K]).encode("utf-8", "replace"))
        for i in range(len(words) - K + 1)
    ]


def text(rows, assignment):
    """The report for a terminal: what stands out, with the passages, and how to read it."""
    listed = [row for row in rows if row.listed]
    lines = [
        f"{assignment}: pairs of students that stand out: {len(listed) or 'none'}",
        f"(Similarity at least {LEAST:g}, and {ABOVE:g} more than is usual here.)",
        "Right answers to the same question look alike. Read both before you think anything.",
    ]
    for row in listed:
        usual = "unknown (no one else to compare with)" if row.usual is None else f"{row.usual:.2f}"
        lines += ["", f"{row.one} and {row.other}: {row.similarity:.2f}; usual: {usual}"]
        for passages in row.passages:
            for name, passage in zip((row.one, row.other), passages, strict=True):
                lines += [f"  {name}:"]
                lines += [f"    | {plain_text(line)}" for line in passage.split("\n")]
    if len(rows) > len(listed):
        lines += ["", f"Pairs at {LEAST:g} or more, as is usual here: {len(rows) - len(listed)}"]
    return "\n".join(lines) + "\n"


def write(course, assignment, rows):
    """exports/similarity-<assignment>.csv and .txt; the same rows give the same bytes."""
    table = [["student", "other", "similarity", "usual", "shared_fingerprints", "stands_out"]]
    for row in rows:
        usual = "" if row.usual is None else f"{row.usual:.3f}"
        told = [f"{row.similarity:.3f}", usual, str(row.shared), "yes" if row.listed else "no"]
        table.append([row.one, row.other, *told])
    folder = course.folder / "exports"
    paths = [folder / f"similarity-{assignment}.csv", folder / f"similarity-{assignment}.txt"]
    write_atomically(paths[0], csv_bytes(table))
    write_atomically(paths[1], text(rows, assignment).encode("utf-8"))
    return paths
