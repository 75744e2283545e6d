"""The live figures of the book: they run in a notebook with a kernel and on a page without one."""

from optlib.widgets.ellipse_lab import EllipseLab
