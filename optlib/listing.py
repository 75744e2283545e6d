"""Source code of the library inside a chapter: shown from the file, never copied."""

import ast
import inspect
import textwrap


class Listing:
    """The source of a function or class, as highlighted code in a notebook and as plain text.

    ``doc=False`` leaves its docstring out, where the text around says the same.

    >>> import optlib
    >>> print(Listing(optlib.GD.update))
    def update(self, t, x, g, lr):
        x -= lr * g
    """

    def __init__(self, thing, doc=True):
        lines = textwrap.dedent(inspect.getsource(thing)).rstrip().split("\n")
        if not doc:
            (node,) = ast.parse("\n".join(lines)).body
            if ast.get_docstring(node) is not None:
                del lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
        self.source = "\n".join(lines)

    def __repr__(self):
        return self.source

    def _repr_markdown_(self):
        return f"```python\n{self.source}\n```"
