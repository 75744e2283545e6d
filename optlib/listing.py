"""Source code of the library inside a chapter: shown from the file, never copied."""

import inspect
import textwrap


class Listing:
    """The source of a function or class, as highlighted code in a notebook and as plain text.

    >>> import optlib
    >>> print(Listing(optlib.GD.update))
    def update(self, t, x, g, lr):
        x -= lr * g
    """

    def __init__(self, thing):
        self.source = textwrap.dedent(inspect.getsource(thing)).rstrip()

    def __repr__(self):
        return self.source

    def _repr_markdown_(self):
        return f"```python\n{self.source}\n```"
