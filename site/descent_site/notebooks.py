"""Chapters: MyST-NB gets the executed notebook in place of the stored one.

tools/build.py has executed the chapters before Sphinx starts and left each result under the hash
of the chapter's text in the folder DESCENT_EXECUTED, its pictures beside it.
"""

import hashlib
import os
from pathlib import Path

import nbformat

# Stands for the address of a picture, see tools/pictures.py.
MARK = "picture-of-the-book:"


def read(text):
    """Reader for MyST-NB: the executed version of the notebook `text`."""
    name = hashlib.sha256(text.encode()).hexdigest() + ".ipynb"
    path = Path(os.environ["DESCENT_EXECUTED"], name)
    if not path.exists():
        raise FileNotFoundError("this chapter has not been executed: build with tools/build.py")
    return nbformat.read(path, as_version=4)


def setup(app):
    """Nothing to register: `nb_custom_formats` in _config.yml names `read`."""
