"""The symbols of a chapter's formulas, and whether notation.yml knows them.

    python tools/symbols.py [CHAPTER ...]     print what is missing, ready to be completed

A symbol is a letter with its accent and what stands below it: `\\theta_{t-1}` is `\\theta_t` and
`\\theta_0` is `\\theta_#`; powers, primes and stars do not make another symbol. Read are the
formulas of the Markdown cells. Words (`\\text`, `\\operatorname`) and signs are no symbols.
"""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
GREEK = set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi rho varrho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma "
    "Upsilon Phi Psi Omega ell nabla partial".split()
)
ACCENTS = {"\\hat", "\\bar", "\\tilde", "\\dot", "\\vec", "\\widehat", "\\widetilde"}
WORD = re.compile(r"\\(?:text|mathrm|operatorname|texttt)\*?\{([^{}]*)\}")
LAYOUT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\{[^{}]*\})?|\[-?\d+(?:pt|ex|em)\]")
TOKEN = re.compile(r"@\d+;|\\[A-Za-z]+|\\.|[A-Za-z]|[0-9.]+|\S")


def letter(token):
    """Whether a token of TeX is a letter, Latin or Greek."""
    return token.isalpha() and len(token) == 1 or token[:1] == "\\" and token[1:] in GREEK


def _argument(tokens, i):
    """The tokens of the argument that begins at i, and where the next begins."""
    if i >= len(tokens) or tokens[i] != "{":
        return tokens[i : i + 1], i + 1
    depth, end = 1, i + 1
    while depth and end < len(tokens):
        depth += (tokens[end] == "{") - (tokens[end] == "}")
        end += 1
    return tokens[i + 1 : end - 1], end


def symbols(tex):
    """The symbols of a formula, one for each time that it occurs."""
    words = []

    def word(found):
        words.append(found[1].strip())
        return f"@{len(words) - 1};"

    tokens = TOKEN.findall(WORD.sub(word, LAYOUT.sub(" ", tex)))
    found, i = [], 0
    while i < len(tokens):
        token, base = tokens[i], None
        if token == "\\mathbb":
            inner, i = _argument(tokens, i + 1)
            found.append(f"\\mathbb {''.join(inner)}")
            continue
        if token in ACCENTS:
            inner, end = _argument(tokens, i + 1)
            if inner and letter(inner[0]):  # \bar v_i or \bar{v_i}: the accent is the letter's
                tokens[i:end] = inner
                base = f"{token} {inner[0]}"
        elif letter(token):
            base = token
        if base is None:
            # What stands below a sum or a maximum is an index: no symbol of its own.
            i = _argument(tokens, i + 1)[1] if token == "_" else i + 1
            continue
        i, below = i + 1, []
        while i < len(tokens) and tokens[i] in ("_", "'", "^"):
            if tokens[i] == "_":
                below, i = _argument(tokens, i + 1)
            elif tokens[i] == "^":
                power, end = _argument(tokens, i + 1)
                if any(letter(t) for t in power):
                    break  # the power's own symbols are read as well
                i = end
            else:
                i += 1
        key = [words[int(t[1:-1])] if t[0] == "@" else t for t in below if letter(t) or t[0] == "@"]
        if below and not key:
            key = ["#" if below[0][0].isdigit() else below[0]]
        found.append("_".join([base, ",".join(dict.fromkeys(key))]) if below else base)
    return found


def formulas(path):
    """The formulas of a notebook's Markdown cells."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            text = re.sub(r"```.*?```|`[^`\n]*`", "", "".join(cell["source"]), flags=re.S)
            for display, inline in re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", text, re.S):
                yield display or inline


def used(path):
    """{symbol: a formula in which it stands} of a notebook."""
    return {symbol: tex for tex in formulas(path) for symbol in symbols(tex)}


def notation():
    """(rows of the table by form, {chapter: {form: meaning}}) of notation.yml."""
    table = yaml.safe_load((ROOT / "notation.yml").read_text(encoding="utf-8"))
    rows = {form: row for row in table["symbols"] if "tex" in row for form in row["forms"]}
    local = {
        chapter: {form: text for forms, text in own.items() for form in forms.split(", ")}
        for chapter, own in table["local"].items()
    }
    return rows, local


def main():
    rows, local = notation()
    for path in map(Path, sys.argv[1:] or sorted((ROOT / "chapters").glob("*.ipynb"))):
        own = local.get(path.stem, {})
        here = used(path)
        for symbol, tex in sorted(here.items()):
            if symbol not in rows and symbol not in own:
                print(f"{path.stem}: {symbol!r} is nowhere explained: {' '.join(tex.split())[:90]}")
        for symbol in sorted(set(own) - set(here)):
            print(f"{path.stem}: {symbol!r} is explained and never used")


if __name__ == "__main__":
    main()
