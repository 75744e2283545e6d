"""The page of symbols, made from notation.yml by three directives."""

import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


@cache
def table(path):
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def resolve(path):
    """(owner, name, kind) of a code name: "optlib.GD.lr" is the hyperparameter lr of optlib.GD.

    The kind is hyperparameter, memory, parameter, attribute, or the role py:class or py:func when
    the path is a class or function itself. A name that is none of these raises LookupError.
    """
    owner, name = path.rsplit(".", 1)
    try:
        thing = pkgutil.resolve_name(owner)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"{path}: there is no {owner}") from error
    if inspect.ismodule(thing):
        found = getattr(thing, name, None)
        if inspect.isclass(found) or inspect.isfunction(found):
            return path, None, "class" if inspect.isclass(found) else "func"
        raise LookupError(f"{path}: {owner} has no class or function {name!r}")
    if name in (getattr(thing, "defaults", None) or {}):
        return owner, name, "hyperparameter"
    if name in (getattr(thing, "memory", None) or ()):
        return owner, name, "memory"
    if callable(thing) and name in inspect.signature(thing).parameters:
        return owner, name, "parameter"
    # An attribute of the class, or one that its code gives to each instance.
    if inspect.isclass(thing) and (
        hasattr(thing, name) or re.search(rf"\bself\.{name}\b", inspect.getsource(thing))
    ):
        return owner, name, "attribute"
    raise LookupError(f"{path}: nothing is called {name!r} in {owner}")


def code(paths):
    """Markdown of code names: each with a link to what it belongs to."""
    out = []
    for path in paths.split():
        owner, name, kind = resolve(path)
        if name is None:
            out.append(f"{{py:{kind}}}`~{owner}`")
            continue
        parts = owner.split(".")
        method = len(parts) > 2 and parts[-2][0].isupper()  # optlib.Optimizer.step
        role = "meth" if method else "class" if parts[-1][0].isupper() else "func"
        shown = ".".join(parts[-2:]) if method else parts[-1]
        out.append(f"`{name}` of {{py:{role}}}`{shown} <{owner}>`")
    return ", ".join(dict.fromkeys(out))


class Made(SphinxDirective):
    """A directive whose content is Markdown that is made from notation.yml."""

    def run(self):
        path = Path(self.env.srcdir, "notation.yml")
        self.env.note_dependency(str(path))
        text = StringList(list(self.lines(table(path))), str(path))
        box = nodes.Element()
        self.state.nested_parse(text, self.content_offset, box, match_titles=True)
        return box.children


def _row(*cells):
    return f"| {' | '.join(cells)} |"


class Symbols(Made):
    """``{symbols} Networks``: one group of the symbols that mean the same everywhere."""

    required_arguments = 1
    final_argument_whitespace = True

    def lines(self, data):
        yield _row("symbol", "meaning", "in the library", "shape or unit", "first met")
        yield _row(*["---"] * 5)
        group = None
        for row in data["symbols"]:
            group = row.get("group", group)
            if "group" in row or group != self.arguments[0]:
                continue
            section, *equations = row.get("where", "").split() or [""]
            met = ", ".join([f"{{ref}}`{section}`", *(f"{{eq}}`{name}`" for name in equations)])
            yield _row(
                f"${row['tex']}$", row["meaning"], code(row.get("code", "")) or "–",
                row.get("unit", "–"), met if section else "–",
            )  # fmt: skip


class OtherNotation(Made):
    """What other texts write."""

    def lines(self, data):
        yield _row("here", "elsewhere")
        yield _row("---", "---")
        yield from (_row(f"${row['ours']}$", row["theirs"]) for row in data["others"])


class LocalSymbols(Made):
    """Chapter by chapter, the letters that mean something there only."""

    def lines(self, data):
        shared = {form for row in data["symbols"] for form in row.get("forms", ())}
        for chapter, own in data["local"].items():
            if f"chapters/{chapter}" not in self.env.found_docs:
                continue
            yield from ("", f"{{doc}}`chapters/{chapter}`", "")
            for forms, meaning in own.items():
                forms = forms.split(", ")
                bases = [form.removesuffix("_#") for form in forms]
                # x_0 need not stand beside x or x_t.
                seen = [
                    form for form, base in zip(forms, bases, strict=True)
                    if base == form or not any(f.split("_")[0] == base and f != form for f in forms)
                ]  # fmt: skip
                other = " (not as above)" if set(forms) & shared else ""
                yield f"- {', '.join(f'${_tex(form)}$' for form in seen)}: {meaning}{other}"
        yield ""


def _tex(form):
    """TeX of a form: \\theta_t,k is \\theta_{t,k}, and # a zero."""
    base, _, below = form.partition("_")
    if not below:
        return base
    below = "0" if below == "#" else below if len(below) == 1 or below[0] == "\\" else (
        below if "," in below else rf"\text{{{below}}}"
    )  # fmt: skip
    return f"{base}_{{{below}}}"


def setup(app):
    """Register the three directives."""
    app.add_directive("symbols", Symbols)
    app.add_directive("other-notation", OtherNotation)
    app.add_directive("local-symbols", LocalSymbols)
