r"""Quiz questions whose key is computed, with a reason for every answer.

A cell computes what is true and hands it over; nobody types the key::

    quiz.choice(
        r"A quadratic has $\kappa = 400$ instead of $100$. How many more steps ...?",
        [
            quiz.Option("twice as many", ratio(2), "That is momentum: it pays $\\sqrt\\kappa$."),
            quiz.Option("four times as many", ratio(4), "Steps grow like $\\kappa$."),
        ],
    )
    quiz.number(r"$L = 50$. What is the largest stable $\eta$?", answer=limit, tolerance=0.01,
                reason="The limit is $2/L$.", mistakes={1 / L: "$1/L$ is safe, not the limit."})

All texts are Markdown with ``$math$``, rendered here once, so that the notebook, the published
page and the version without JavaScript show the same HTML. The text output ends with the key:
nbval compares it with the stored one, so a key that changes fails; a key that contradicts itself
raises.

``q.observe(f, names="picked")`` follows the reader where there is a kernel.
"""

import dataclasses
import functools
import html
import inspect
import math
import re
import string
import unicodedata
from xml.etree import ElementTree

import latex2mathml.converter
import numpy as np
import traitlets
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from optlib.widgets.base import Widget, front_end, style


@dataclasses.dataclass(frozen=True)
class Option:
    """One answer to choose. ``holds`` is computed; ``reason`` says why it is right or wrong."""

    text: str
    holds: bool
    reason: str


def choice(question, options, hints=None, objective=None):
    """A question with one right option among several.

    ``options`` is a list of ``Option``; exactly one must hold. ``hints`` are texts shown one by
    one, after the first wrong attempt, the second, and so on. ``objective`` is the number of the
    chapter's learning objective that the question tests; the reader sees it.

    Raises ``ValueError`` or ``TypeError`` when the key is contradictory or something is missing;
    the message names it.
    """
    question = _source(question, "the question")
    options = list(options)
    if not 2 <= len(options) <= 26:
        raise ValueError(f"a choice needs 2 to 26 options, got {len(options)}: {question!r}")
    texts, held = {}, []
    for letter, option in zip(string.ascii_lowercase, options, strict=False):
        if not isinstance(option, Option):
            raise TypeError(
                f"option ({letter}) must be quiz.Option(text, holds, reason), got {option!r}"
            )
        text = _source(option.text, f"the text of option ({letter})")
        _source(option.reason, f"the reason of option ({letter}) {text!r}")
        if not isinstance(option.holds, (bool, np.bool_)):
            raise TypeError(
                f"option ({letter}) {text!r}: holds must be a boolean that the cell computes, "
                f"such as `ratio > 3`, got {option.holds!r} ({type(option.holds).__name__})"
            )
        for other, earlier in texts.items():
            if text.split() == earlier.split():
                raise ValueError(f"options ({other}) and ({letter}) have the same text {text!r}")
        texts[letter] = text
        if option.holds:
            held.append(f"({letter})")
    if len(held) != 1:
        found = f"{' and '.join(held)} hold" if held else "none holds"
        raise ValueError(f"exactly one option must hold, but {found}: {question!r}")
    hints = [hints] if isinstance(hints, str) else list(hints or ())
    return Quiz(
        kind="choice",
        source=_numbered(question, objective),
        lines=[f"({letter}) {text}" for letter, text in texts.items()],
        key=held[0],
        question=_question(question, objective),
        options=[{"letter": letter, **_text(text)} for letter, text in texts.items()],
        verdicts=[{"right": bool(o.holds), **_text(o.reason)} for o in options],
        hints=[_text(_source(hint, f"hint {i}")) for i, hint in enumerate(hints, 1)],
    )


def number(question, answer, tolerance, reason, mistakes=None, unit="", objective=None):
    """A question whose answer is a number.

    ``tolerance`` is relative: 0.01 takes every number within 1 % of ``answer``, and the reader is
    told so. (A quiz whose answer is 0 has no such thing: make it a choice.) ``mistakes`` maps
    numbers that readers are likely to give to the reasons why they are wrong, within the same
    tolerance; any other number is called too large or too small. ``objective`` is as in ``choice``.
    Raises ``ValueError`` or ``TypeError`` that names what is wrong.
    """
    question = _source(question, "the question")
    _source(reason, "the reason of the answer")
    answer = _real(answer, "the answer")
    if answer == 0:
        raise ValueError("the answer is 0, and no number is within 1 % of 0: make it a choice")
    tolerance = _real(tolerance, "tolerance")
    if not 0 < tolerance < 1:
        raise ValueError(
            f"tolerance is relative and must be in (0, 1), such as 0.01 for 1 %, got {tolerance:g}"
        )
    right = _range(answer, tolerance)
    verdicts = [{"right": True, "value": f"{answer:.6g}", **right, **_text(reason)}]
    for value, why in (mistakes or {}).items():
        value = _real(value, "a mistake")
        _source(why, f"the reason of the mistake {value:.6g}")
        near = _range(value, tolerance)
        for other in verdicts:
            if near["low"] <= other["high"] and other["low"] <= near["high"]:
                raise ValueError(
                    f"the mistake {value:.6g} cannot be told from {other['value']} with a "
                    f"tolerance of {_percent(tolerance)}: leave it out or lower the tolerance"
                )
        verdicts.append({"right": False, "value": f"{value:.6g}", **near, **_text(why)})
    within = f"within {_percent(tolerance)}"
    return Quiz(
        kind="number",
        source=_numbered(question, objective),
        lines=[f"a number{f' in {unit}' if unit else ''}, {within}"],
        key=f"{answer:.6g}{f' {unit}' if unit else ''}",
        question=_question(question, objective),
        verdicts=verdicts,
        unit=_text(unit),
        within=within,
    )


class Quiz(Widget):
    """A question as a live form; made by ``choice`` and ``number``.

    ``picked`` is the reader's last answer (a letter or a number, None before the first),
    ``correct`` whether it was right, ``attempts`` how many there were.
    """

    _esm = front_end("quiz.js")
    _css = style("base.css", "quiz.css")

    # A text is {"html": ..., "spoken": ...}: the same words as elements and as plain speech. An
    # option also has its "letter", a verdict "right", a verdict on a number "low" and "high".
    kind = traitlets.Enum(["choice", "number"]).tag(sync=True)
    question = traitlets.Dict().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    verdicts = traitlets.List().tag(sync=True)
    hints = traitlets.List().tag(sync=True)
    unit = traitlets.Dict().tag(sync=True)
    within = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)  # HTML: the key and all reasons

    picked = traitlets.Any(None, allow_none=True).tag(sync=True)
    correct = traitlets.Bool(False).tag(sync=True)
    attempts = traitlets.Int(0).tag(sync=True)

    def __init__(self, source, lines, key, **traits):
        self._source, self._lines, self._key = source, lines, key
        super().__init__(**traits)
        self.answer = self._answer()

    def __repr__(self):
        lines = "".join(f"\n  {line}" for line in self._lines)
        return f"Quiz: {self._source}{lines}\nKey: {self._key}, computed."

    def _answer(self):
        """The list of all answers that have a reason, the right one marked by icon and word."""
        items = []
        for i, verdict in enumerate(self.verdicts):
            if self.kind == "choice":
                name = f"({self.options[i]['letter']})"
            else:
                name = f"{verdict['value']} {self.unit['html']}".strip()
            mark, word = ("✓", "Right.") if verdict["right"] else ("✗", "Not right.")
            items.append(
                f'<li><span aria-hidden="true">{mark}</span> {name} <strong>{word}</strong> '
                f"{verdict['html']}</li>"
            )
        return f'<ul role="list">{"".join(items)}</ul>'

    def fallback(self):
        if self.kind == "choice":
            items = (f"<li>({o['letter']}) {o['html']}</li>" for o in self.options)
            asked = f'<ul role="list">{"".join(items)}</ul>'
        else:
            unit = f" in {self.unit['html']}" if self.unit["html"] else ""
            asked = f"<p>The answer is a number{unit}; {self.within} counts as right.</p>"
        hints = "".join(f"<li>{hint['html']}</li>" for hint in self.hints)
        if hints:
            hints = f"<details><summary>Hints</summary><ol>{hints}</ol></details>"
        return (
            '<div class="optlib optlib-quiz">'
            f'<div class="optlib-quiz-question">{self.question["html"]}</div>{asked}{hints}'
            f"<details><summary>Answer and reasons</summary>{self.answer}</details></div>"
        )


def _source(text, what="a text"):
    """The Markdown of a text, without its indentation in the cell."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, got {text!r}")
    if not text.strip():
        raise ValueError(f"{what} is empty")
    return inspect.cleandoc(text)


def _numbered(question, objective):
    """The question as text, with the objective that it tests."""
    if objective is None:
        return question
    if isinstance(objective, bool) or not isinstance(objective, int) or objective < 1:
        raise ValueError(f"objective is a number of the chapter's list, got {objective!r}")
    return f"{question} (objective {objective})"


def _question(question, objective):
    text = _text(question, block=True)
    if objective is not None:
        text["html"] += f'<p class="optlib-quiz-objective">Objective {objective}</p>'
    return text


def _real(value, what):
    if isinstance(value, (bool, np.bool_, str)) or np.ndim(value):
        raise TypeError(f"{what} must be one real number, got {value!r}")
    try:
        value = float(value)
    except TypeError:
        raise TypeError(f"{what} must be one real number, got {value!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{what} must be finite, got {value}")
    return value


def _range(value, tolerance):
    # The widening keeps a number typed exactly on the border inside, whatever its rounding.
    margin = abs(value) * tolerance * (1 + 1e-9)
    return {"low": value - margin, "high": value + margin}


def _percent(tolerance):
    return f"{100 * tolerance:.6g} %"


# ---- Markdown with math, as HTML and as speech ----


@functools.cache
def _markdown():
    # No HTML from the text, and no pictures: a quiz requests nothing.
    md = MarkdownIt("commonmark", {"html": False}).disable("image")
    md.use(dollarmath_plugin, allow_labels=False)
    md.renderer.rules["math_inline"] = lambda tokens, i, *_: _mathml(tokens[i].content, "inline")
    md.renderer.rules["math_block"] = lambda tokens, i, *_: _mathml(tokens[i].content, "block")
    return md


def _text(source, block=False):
    """The HTML and the speech of a Markdown text: paragraphs if ``block``, else inline."""
    md, source = _markdown(), inspect.cleandoc(source)
    tokens = md.parse(source) if block else md.parseInline(source)
    return {
        "html": md.renderer.render(tokens, md.options, {}).strip(),
        "spoken": " ".join(_speech(tokens).split()),
    }


def _speech(tokens):
    words = []
    for token in tokens:
        if token.type.startswith("math"):
            words.append(_words(_math(token.content, "inline")))
            words.append(" " if token.type == "math_block" else "")
        elif token.children is not None:
            words.append(_speech(token.children) + " ")
        elif token.type in ("softbreak", "hardbreak"):
            words.append(" ")
        else:
            words.append(token.content)
    return "".join(words)


def _math(tex, display):
    """The MathML element of a formula; one that cannot be converted is an error that shows it."""
    try:
        formula = latex2mathml.converter.convert_to_element(tex.strip(), display=display)
    except Exception as error:
        raise ValueError(f"cannot read the math ${tex}$: {type(error).__name__}") from error
    del formula.attrib["xmlns"]  # HTML knows the element
    for node in formula.iter():
        node.text = html.unescape(node.text or "")  # the converter writes character references
        if node.tag != "mtext" and re.match(r"\\[A-Za-z]", node.text):
            raise ValueError(f"unknown command {node.text} in the math ${tex}$")
        if "href" in node.attrib:
            raise ValueError(f"a link in the math ${tex}$: put it into the text")
    return formula


def _mathml(tex, display):
    return ElementTree.tostring(_math(tex, display), encoding="unicode")


SPOKEN = {
    "+": "plus", "−": "minus", "±": "plus or minus", "⋅": "times", "×": "times", "/": "over",
    "=": "equals", "≠": "is not equal to", "≈": "is about", "∝": "is proportional to",
    "<": "is less than", ">": "is greater than", "≤": "is at most", "≥": "is at least",
    "≪": "is much less than", "≫": "is much greater than", "∈": "in", "→": "goes to",
    "←": "becomes", "∞": "infinity", "∇": "nabla", "∂": "partial", "∑": "sum", "∏": "product",
    "%": "percent", "|": "bar", "‖": "double bar", "∥": "double bar", "^": "hat", "~": "tilde",
    "¯": "bar",
}  # fmt: skip
POWERS = {
    "2": "squared", "3": "cubed", "⊤": "transpose", "T": "transpose", "*": "star", "∗": "star",
    "′": "prime",
}  # fmt: skip


def _words(node):
    """A formula as plain words, for names and messages that must be one string."""
    if not len(node):
        return _word(node.text.strip())
    parts = [_words(child) for child in node]
    match node.tag:
        case "mfrac":
            over = " over ".join(parts)
            return f"fraction {over} end fraction" if " " in "".join(parts) else over
        case "msqrt":
            return f"root of {parts[0]}" + (" end root" if " " in parts[0] else "")
        case "msub" | "munder":
            return f"{parts[0]} sub {parts[1]}"
        case "msup" | "msubsup" | "munderover":
            base = f"{parts[0]} sub {parts[1]}" if len(parts) == 3 else parts[0]
            sign = "".join(node[-1].itertext()).strip()
            return f"{base} {POWERS.get(sign) or f'to the power {parts[-1]}'}"
        case "mtr":
            return ", ".join(parts)
        case "mtable":
            return "; ".join(parts)
    return " ".join(filter(None, parts))


def _word(symbol):
    if symbol in SPOKEN:
        return SPOKEN[symbol]
    symbol = unicodedata.normalize("NFKC", symbol)  # bold and double-struck letters become plain
    if len(symbol) == 1 and unicodedata.name(symbol, "").startswith("GREEK "):
        _, size, *_, letter = unicodedata.name(symbol).lower().split()
        letter = "lambda" if letter == "lamda" else letter
        return f"capital {letter}" if size == "capital" else letter
    return symbol
