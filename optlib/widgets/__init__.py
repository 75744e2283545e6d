"""The live figures of the book: they run in a notebook with a kernel and on a page without one."""

from optlib.widgets.dial import Dial
from optlib.widgets.ellipse_lab import EllipseLab
from optlib.widgets.jitter_box import JitterBox
from optlib.widgets.playground import Playground
from optlib.widgets.root_locus import RootLocus
