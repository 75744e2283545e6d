"""A listing is the source of the library, letter by letter."""

import pathlib

import pytest

import optlib
from optlib.listing import Listing


@pytest.mark.parametrize("cls", optlib.OPTIMIZERS.values(), ids=lambda cls: cls.__name__)
def test_the_listing_stands_in_the_library(cls):
    shown = str(Listing(cls.update))
    file = pathlib.Path(optlib.__file__).parent / f"{cls.__module__.split('.')[-1]}.py"
    assert shown.startswith("def update(self, t, x, g")
    assert all(line.strip() in file.read_text("utf-8") for line in shown.split("\n"))
    assert Listing(cls.update)._repr_markdown_() == f"```python\n{shown}\n```"
