"""Figures of the book: one style per optimizer, light and dark, always with a text.

A chapter draws with a function of a matplotlib figure and shows it with its alternative text::

    def draw(fig):
        ax = fig.subplots()
        ...

    figures.show(draw, alt=f"Loss against step ... after {steps} steps.")

In a notebook that is one picture. When the book is built (environment variable
``OPTLIB_FIGURES=book``) it is drawn twice, for light pages and for dark ones. The text is part of
the output, so that the numbers in it are checked with all others.
"""

import io
import itertools
import os

from optlib import registry

# Okabe & Ito's colours, distinguishable with every common colour blindness, darkened where needed
# to stand at least 3:1 against white; on dark pages their light versions. Line style and marker
# repeat what the colour says.
STYLES = {
    #            on white   on dark    dashes                 marker
    "GD": ("#0063a6", "#6cb6ff", "-", "o"),
    "SGD": ("#0063a6", "#6cb6ff", (0, (1, 1)), "o"),
    "Momentum": ("#b8480a", "#ff9c66", (0, (5, 2)), "s"),
    "ClassicalMomentum": ("#b8480a", "#ff9c66", (0, (1, 1)), "s"),
    "EMAMomentum": ("#b8480a", "#ff9c66", (0, (5, 1, 1, 1)), "s"),
    "Nesterov": ("#00795a", "#5fd39a", (0, (2, 2)), "^"),
    "Adagrad": ("#7a5b00", "#f0c94d", (0, (6, 2, 1, 2)), "D"),
    "RMSprop": ("#8a1c7c", "#f08be0", (0, (4, 1, 1, 1, 1, 1)), "v"),
    "Adam": ("#a3123a", "#ff8fa3", (0, (9, 2)), "P"),
    # A family shares its colour; dashes and marker tell its members apart.
    "CenteredRMSprop": ("#8a1c7c", "#f08be0", (0, (1, 1)), "<"),
    "MomentumRMSprop": ("#8a1c7c", "#f08be0", (0, (5, 2)), ">"),
    "Adadelta": ("#7a5b00", "#f0c94d", (0, (1, 1)), "d"),
    "AdamL2": ("#a3123a", "#ff8fa3", (0, (1, 1)), "p"),
    "AdamW": ("#a3123a", "#ff8fa3", "-", "X"),
    "AMSGrad": ("#a3123a", "#ff8fa3", (0, (5, 1, 1, 1)), "*"),
    "Adamax": ("#a3123a", "#ff8fa3", (0, (3, 3)), "h"),
    "NAdam": ("#a3123a", "#ff8fa3", (0, (6, 1)), "H"),
    "RAdam": ("#a3123a", "#ff8fa3", (0, (2, 1, 5, 1)), "8"),
    "AdaBelief": ("#a3123a", "#ff8fa3", (0, (4, 1, 1, 1, 1, 1)), "+"),
    "Yogi": ("#a3123a", "#ff8fa3", (0, (7, 3, 2, 3)), "x"),
    "SignSGD": ("#3d4f91", "#a9b7ff", (0, (1, 1)), "1"),
    "Lion": ("#3d4f91", "#a9b7ff", "-", "2"),
    "ScheduleFreeSGD": ("#0063a6", "#6cb6ff", (0, (6, 2, 1, 2)), "4"),
    "ScheduleFreeAdamW": ("#a3123a", "#ff8fa3", (0, (6, 2, 1, 2)), "|"),
    "Rprop": ("#3d4f91", "#a9b7ff", (0, (5, 2)), "3"),
    "Muon": ("#006d77", "#5cd6e0", "-", "o"),
    "Shampoo": ("#006d77", "#5cd6e0", (0, (5, 2)), "s"),
    "SOAP": ("#006d77", "#5cd6e0", (0, (1, 1)), "^"),
    "Adafactor": ("#006d77", "#5cd6e0", (0, (5, 1, 1, 1)), "D"),
    "LARS": ("#006d77", "#5cd6e0", (0, (2, 2)), "v"),
    "LAMB": ("#006d77", "#5cd6e0", (0, (9, 2)), "P"),
    "DAdaptSGD": ("#5c5c5c", "#b8c0cc", (0, (1, 1)), "o"),
    "Prodigy": ("#5c5c5c", "#b8c0cc", "-", "s"),
}
# A rule that is not in the table yet gets a look that is still free.
_LOOKS = itertools.cycle(
    itertools.product(
        [("#4d5a0a", "#cbd66a"), ("#6b4a35", "#dcb292")],
        ["-", (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (2, 2)), (0, (9, 2))],
        ["o"],
    )
)
for _name in registry.OPTIMIZERS | registry.MATRIX_OPTIMIZERS:
    if _name not in STYLES:
        _colours, _dashes, _marker = next(_LOOKS)
        STYLES[_name] = (*_colours, _dashes, _marker)
# For series that are not optimizers: learning rates, starts, parameters.
SERIES = (
    ("#0063a6", "#6cb6ff", "-"),
    ("#b8480a", "#ff9c66", (0, (5, 2))),
    ("#00795a", "#5fd39a", (0, (2, 2))),
    ("#8a1c7c", "#f08be0", (0, (6, 2, 1, 2))),
    ("#5c5c5c", "#b8c0cc", (0, (1, 1))),
)
THEMES = {
    "light": {"ink": "#1f2328", "faint": "#8a93a0", "grid": "#d9dee5"},
    "dark": {"ink": "#e6edf3", "faint": "#8b95a3", "grid": "#39424e"},
}
_theme = "light"


def optimizer_style(name):
    """Keyword arguments for ``plot``: the colour and the dashes of an optimizer.

    A rule in a wrapper, such as "Lookahead(Adam)", has the rule's colour, dotted.
    """
    light, dark, dashes, _ = STYLES[name.rstrip(")").rpartition("(")[2]]
    dashes = (0, (1, 2)) if name.endswith(")") else dashes
    return {"color": dark if _theme == "dark" else light, "linestyle": dashes, "label": name}


def series_style(i):
    """Keyword arguments for ``plot``: the i-th line of a figure without optimizers."""
    light, dark, dashes = SERIES[i % len(SERIES)]
    return {"color": dark if _theme == "dark" else light, "linestyle": dashes}


def ink(name="ink"):
    """A neutral colour of the present theme: ink, faint or grid."""
    return THEMES[_theme][name]


def _rc():
    theme = THEMES[_theme]
    return {
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "text.color": theme["ink"],
        "axes.labelcolor": theme["ink"],
        "axes.titlecolor": theme["ink"],
        "axes.edgecolor": theme["faint"],
        "xtick.color": theme["ink"],
        "ytick.color": theme["ink"],
        "axes.grid": True,
        "grid.color": theme["grid"],
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.handlelength": 3.2,
        "font.size": 11,
        "axes.titlesize": 11,
        "lines.linewidth": 1.8,
        "svg.hashsalt": "optlib",  # the same picture gives the same bytes
        "svg.fonttype": "path",
    }


def render(draw, size=(6.4, 3.5), theme="light", format="png"):
    """Draw on a fresh figure of ``size`` inches and return the file as bytes."""
    global _theme
    import matplotlib
    from matplotlib.figure import Figure  # no pyplot: no global state, nothing left open

    before, _theme = _theme, theme
    try:
        with matplotlib.rc_context(_rc()):
            fig = Figure(figsize=size, layout="constrained")
            draw(fig)
            file = io.BytesIO()
            metadata = {"Date": None, "Creator": None} if format == "svg" else {"Software": None}
            ground = "none" if format == "svg" else "white"  # a notebook may be dark behind it
            fig.savefig(file, format=format, dpi=150, metadata=metadata, facecolor=ground)
    finally:
        _theme = before
    return file.getvalue()


def in_book():
    """Whether the book is being built."""
    return os.environ.get("OPTLIB_FIGURES") == "book"


def picture(draw, size=(6.4, 3.5)):
    """One picture as a MIME bundle: SVG in the book, PNG in a notebook."""
    if in_book():
        return {"image/svg+xml": render(draw, size, "light", "svg").decode()}
    import base64

    return {"image/png": base64.b64encode(render(draw, size)).decode()}


def show(draw, alt, size=(6.4, 3.5)):
    """Show the picture that ``draw(fig)`` makes, with ``alt`` as its alternative text.

    ``alt`` says what there is to see and what follows from it, in a sentence or two: readers who do
    not see the picture read this in its place, and the numbers in it are compared with the stored
    ones.
    """
    from IPython.display import display

    if not alt or not alt.strip():
        raise ValueError(
            "a figure needs its alternative text: figures.show(draw, alt='what it shows')"
        )
    text = f"Figure: {alt}"
    if not in_book():
        display(
            {"text/plain": text, **picture(draw, size)},
            raw=True,
            metadata={"image/png": {"alt": alt}},
        )
        return
    for theme in THEMES:
        svg = render(draw, size, theme, "svg").decode()
        display(
            {"text/plain": text, "image/svg+xml": svg},
            raw=True,
            metadata={"image/svg+xml": {"alt": alt, "theme": theme}},
        )


BOXES = {
    "estimate": "which gradient,\nof how much data",
    "memory": "what is kept\nof earlier ones",
    "preconditioner": "how each direction\nis scaled",
    "step size": "how far,\nand when",
    "decay": "what pulls\nback to zero",
}


def boxes(*changed):
    """Show the five boxes that every optimizer consists of, with those emphasised that ``changed``.

    The same picture in each chapter: it says where in the machine we are.
    """
    if unknown := sorted(set(changed) - set(BOXES)):
        raise ValueError(f"there is no box {', '.join(unknown)}; there are {', '.join(BOXES)}")

    def draw(fig):
        ax = fig.subplots()
        ax.set(xlim=(-0.55, 4.55), ylim=(-0.75, 0.75))
        ax.set_axis_off()
        for i, (name, what) in enumerate(BOXES.items()):
            on = name in changed
            colour = ink("ink") if on else ink("faint")
            frame = dict(boxstyle="round,pad=0.3", fc="none", ec=colour, lw=2.4 if on else 1)
            weight = "bold" if on else "normal"
            size = 9.5 if len(name) < 12 else 8.5  # or the longest one hides its arrows
            ax.text(
                i, 0.28, name, ha="center", va="center", fontsize=size, weight=weight, bbox=frame
            )
            ax.text(i, -0.38, what, ha="center", va="center", fontsize=8.5, weight=weight)
            if i:
                arrow = dict(arrowstyle="->", ec=ink())
                ax.annotate("", (i - 0.43, 0.28), (i - 0.57, 0.28), arrowprops=arrow)

    which = " and ".join(changed)
    said = f" Changed here: {which}." if changed else ""
    steps = "; ".join(f"{name}, {what.replace(chr(10), ' ')}" for name, what in BOXES.items())
    show(draw, alt=f"An optimizer as five boxes in a row: {steps}.{said}", size=(6.4, 1.4))
