"""The live figures of the book: they run in a notebook with a kernel and on a page without one."""

from optlib.widgets.adam_microscope import AdamMicroscope
from optlib.widgets.altimeter import Altimeter
from optlib.widgets.broken_node import BrokenNode
from optlib.widgets.dial import Dial
from optlib.widgets.draw_schedule import DrawSchedule
from optlib.widgets.ellipse_lab import EllipseLab
from optlib.widgets.jitter_box import JitterBox
from optlib.widgets.local_model import LocalModel
from optlib.widgets.make_x_win import MakeXWin
from optlib.widgets.outlier import Outlier
from optlib.widgets.playground import Playground
from optlib.widgets.root_locus import RootLocus
from optlib.widgets.shrink_race import ShrinkRace
from optlib.widgets.signal_tunnel import SignalTunnel
from optlib.widgets.spectrum import ReshapeSpectrum
from optlib.widgets.time_tunnel import TimeTunnel
from optlib.widgets.tuning_game import TuningGame
from optlib.widgets.valley import Valley
