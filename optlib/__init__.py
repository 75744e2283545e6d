"""optlib: every optimizer of the book "Descent", one class with one formula each.

>>> import optlib
>>> trace = optlib.run(optlib.GD, optlib.Quadratic(kappa=10), steps=100, lr=0.1)
>>> float(trace.f[0]), bool(trace.f[-1] < 1e-7)
(55.0, True)
"""

from optlib.adaptive import (
    AdaBelief,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamL2,
    AdamW,
    AMSGrad,
    CenteredRMSprop,
    Lion,
    MomentumRMSprop,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
    SignSGD,
    Yogi,
)
from optlib.averaging import ScheduleFreeAdamW, ScheduleFreeSGD
from optlib.first_order import GD, SGD, ClassicalMomentum, EMAMomentum, Momentum, Nesterov
from optlib.matrix import LAMB, LARS, SOAP, Adafactor, MatrixOptimizer, Muon, Shampoo, newton_schulz
from optlib.optimizer import Optimizer
from optlib.problems import (
    Beale,
    Himmelblau,
    LeastSquares,
    MonkeySaddle,
    NesterovWorst,
    Problem,
    ProductModel,
    Quadratic,
    Rosenbrock,
    Saddle,
    TenWell,
)
from optlib.registry import MATRIX_OPTIMIZERS, OPTIMIZERS, PROBLEMS, SCHEDULES, lookup
from optlib.schedules import (
    WSD,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Step,
    WarmRestarts,
    Warmup,
)
from optlib.second_order import (
    BFGS,
    LBFGS,
    Armijo,
    BarzilaiBorwein,
    Exact,
    Fixed,
    GaussNewton,
    LevenbergMarquardt,
    LinearCG,
    LineSearchError,
    Minimizer,
    NaturalGradient,
    Newton,
    NonlinearCG,
    PolyakStep,
    Record,
    SteepestDescent,
    StrongWolfe,
    TrustRegion,
    minimize,
    trust_region_step,
)
from optlib.trace import Trace, first, run, sweep

# An unrelated project owns the name `optlib` on the public index: what tells the two apart.
__distribution__ = "descent-optlib"
__version__ = "0.1.0"
