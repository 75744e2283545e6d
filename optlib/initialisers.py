"""Where the training of a network starts: random weights of the right size.

Each function takes the shape of a weight, (in, out) or (..., in, out) for a convolution, and a
``numpy.random.Generator``. How large the weights have to be so that signals neither vanish nor
explode on their way through many layers is what the papers below are about.
"""

import math

import numpy as np


def fans(shape):
    """The numbers of inputs and outputs of a weight of shape (in, out).

    For a kernel of shape (..., in, out), each times the number of places in the kernel.

    >>> fans((64, 10)), fans((3, 3, 8, 16))
    ((64, 10), (72, 144))
    """
    if len(shape) < 2:
        raise ValueError(f"a weight has a shape (..., in, out), and not {tuple(shape)}")
    places = math.prod(shape[:-2])
    return places * shape[-2], places * shape[-1]


def _random(rng, shape, std, uniform):
    return rng.uniform(-1, 1, shape) * (std * 3**0.5) if uniform else rng.normal(0, std, shape)


def xavier(shape, rng, gain=1.0, uniform=False):
    r"""Random weights that keep the sizes of signals and gradients at once, as far as one can.

    .. math:: \operatorname{Var} w = \text{gain}^2 \cdot 2 / (n_\text{in} + n_\text{out})

    With gain 1 this is equation :eq:`eq-xavier` of the chapter on vanishing gradients.
    ``uniform`` draws from an interval instead of a normal distribution, with the same variance; so
    in all of these. Glorot & Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010 (there uniform).
    """
    return _random(rng, shape, gain * math.sqrt(2 / sum(fans(shape))), uniform)


def he(shape, rng, gain=1.0, uniform=False):
    r"""Random weights for ReLU, which loses half of the square of a signal.

    .. math:: \operatorname{Var} w = \text{gain}^2 \cdot 2 / n_\text{in}

    With gain 1 this is equation :eq:`eq-he` of the chapter on vanishing gradients. The factor 2 is
    here, so that ``gain`` is 1 for ReLU (in torch's ``kaiming_normal_`` it is part
    of the gain). He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015, arXiv:1502.01852.
    """
    return _random(rng, shape, gain * math.sqrt(2 / fans(shape)[0]), uniform)


def lecun(shape, rng, gain=1.0, uniform=False):
    r"""Random weights that keep the size of a signal where the activation does.

    .. math:: \operatorname{Var} w = \text{gain}^2 / n_\text{in}

    LeCun, Bottou, Orr & Müller, "Efficient backprop", 1998, doi:10.1007/3-540-49430-8_2.
    """
    return _random(rng, shape, gain / math.sqrt(fans(shape)[0]), uniform)


def small(shape, rng, gain=1.0, uniform=False):
    """Random weights of standard deviation 0.01 gain, whatever the shape.

    As in Krizhevsky, Sutskever & Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012. In a deep network signals and gradients vanish.
    """
    return _random(rng, shape, gain * 0.01, uniform)


def orthogonal(shape, rng, gain=1.0):
    """A random matrix with W.T @ W (or W @ W.T, the smaller one) = gain**2 I: it turns, no more.

    A kernel of shape (..., in, out) is taken as a matrix of the shape (places * in, out). Saxe,
    McClelland & Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014, arXiv:1312.6120.
    """
    p, q = fans(shape)[0], shape[-1]
    Q, R = np.linalg.qr(rng.standard_normal((max(p, q), min(p, q))))
    Q = Q * np.where(np.diag(R) < 0, -1, 1)  # otherwise not all directions are equally likely
    return gain * (Q if p >= q else Q.T).reshape(shape)


INITIALISERS = dict(xavier=xavier, he=he, lecun=lecun, orthogonal=orthogonal, small=small)
