"""What all widgets share: one front-end module, a stable id, a page without JavaScript.

A widget is an ``anywidget.AnyWidget``, so an ipywidgets widget: with a kernel its traits are live
in both directions and ``observe`` works. On the published page the same front end is mounted by a
small host from the state that the page embeds. Without JavaScript the reader sees ``fallback()``,
and the picture that ``draw()`` makes.
"""

import html
import itertools
import pathlib

import anywidget
import traitlets

from optlib import figures

HERE = pathlib.Path(__file__).parent
_counts = {}


def front_end(*parts):
    """One ES module from several parts: names of files beside this one, or JavaScript text.

    A kernel hands the front end over as a single text, so that nothing can be imported: the shared
    kit and the traced formulas are put in front instead.
    """
    return "\n".join((HERE / p).read_text("utf-8") if p.endswith(".js") else p for p in parts)


def style(*names):
    """The style sheets of these names, joined."""
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


def in_range(ranges, *names):
    """A validator of the number traits ``names``: each lies between the two of ``ranges[name]``."""

    @traitlets.validate(*names)
    def check(self, proposal):
        low, high = ranges[proposal.trait.name]
        if not low <= proposal.value <= high:
            raise traitlets.TraitError(
                f"{proposal.trait.name}={proposal.value!r} must lie between {low:g} and {high:g}"
            )
        return proposal.value

    return check


class Widget(anywidget.AnyWidget):
    """Base of the book's widgets: a subclass gives ``_esm``, ``_css``, traits and what follows."""

    def __init__(self, **traits):
        # Counted, not random: the same notebook gives the same output, and a rebuilt page the same
        # bytes.
        name = type(self).__name__.lower()
        number = next(_counts.setdefault(name, itertools.count(1)))
        if unknown := sorted(set(traits) - set(self.trait_names())):
            own = [
                k
                for k, t in self.traits(sync=True).items()
                if not k.startswith("_") and k not in SHARED
            ]
            raise TypeError(
                f"{type(self).__name__} has no {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(own)}"
            )
        super().__init__(model_id=f"{name}-{number}", **traits)

    def fallback(self):
        """HTML that says the same without JavaScript."""
        raise NotImplementedError

    def alt(self):
        """What the picture shows, in words; None for a widget without a picture."""

    def draw(self, fig):
        """Draw the picture on a matplotlib figure (only where ``alt`` returns words)."""

    def __repr__(self):
        raise NotImplementedError

    def _repr_mimebundle_(self, **_):
        view, metadata = super()._repr_mimebundle_() or ({}, {})
        alt = self.alt()
        attribute = f' data-alt="{html.escape(alt)}"' if alt else ""
        data = {
            **view,
            "text/plain": repr(self),
            "text/html": f'<div class="optlib-widget" data-model-id="{self.model_id}"{attribute}>'
            f"{self.fallback()}</div>",
        }
        if alt:
            data.update(figures.picture(self.draw))
        return data, metadata


SHARED = frozenset(k for k in anywidget.AnyWidget.class_trait_names(sync=True))
