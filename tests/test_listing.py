"""A listing is the source of the library, letter by letter."""

import pathlib

import pytest

import optlib
from optlib import losses
from optlib.listing import Listing


@pytest.mark.parametrize("cls", optlib.OPTIMIZERS.values(), ids=lambda cls: cls.__name__)
def test_the_listing_stands_in_the_library(cls):
    shown = str(Listing(cls.update))
    file = pathlib.Path(optlib.__file__).parent / f"{cls.__module__.split('.')[-1]}.py"
    assert shown.startswith("def update(self, t, x, g")
    assert all(line.strip() in file.read_text("utf-8") for line in shown.split("\n"))
    assert Listing(cls.update)._repr_markdown_() == f"```python\n{shown}\n```"


@pytest.mark.parametrize("thing", [losses.huber, losses.bce, optlib.Armijo, optlib.GD.update])
def test_without_the_docstring_it_is_the_rest_of_the_same_lines(thing):
    whole, rest = str(Listing(thing)), str(Listing(thing, doc=False))
    document = thing.__doc__ or ""
    assert rest.split("\n")[0] == whole.split("\n")[0]
    assert document == "" or document.split("\n")[0] not in rest
    assert len(whole.split("\n")) - len(rest.split("\n")) == len(document.split("\n")) * bool(
        document
    )
    assert all(line in whole.split("\n") for line in rest.split("\n"))
