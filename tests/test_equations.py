r"""The printed equation, typed out a second time, against the class that claims it.

The tables hold for everything in optlib that prints a labelled equation the LaTeX that its reader
sees, and the same equation in plain Python, written from the LaTeX and from nothing else:
``EQUATIONS`` and ``VARIANT_EQUATIONS`` on single numbers, for the rules that treat each number
alone, and further ``..._EQUATIONS`` for the other kinds. One test
asserts that this LaTeX stands where the reader sees it (docstring, or chapter for a label
``chapter:...``), another that both compute the same numbers. So equation, transcription and class
can only change together; and a labelled equation that is in no table is an error.
"""

import importlib
import inspect
import itertools
import json
import pkgutil
import re
from collections import Counter
from functools import partial
from math import cos, floor, pi, sqrt
from pathlib import Path

import numpy as np
import pytest

import optlib
from optlib import (
    MATRIX_OPTIMIZERS,
    OPTIMIZERS,
    PROBLEMS,
    SCHEDULES,
    Momentum,
    Problem,
    Rosenbrock,
    averaging,
    distance,
    estimate,
)
from optlib.compat import VARIANTS
from optlib.line_search import Armijo, Exact, Fixed, Line, Point, Search, StrongWolfe
from optlib.matrix import CUBIC, QUINTIC, newton_schulz
from optlib.second_order import LineMethod, Minimizer
from optlib.wrappers import Wrapper

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"


# ------------------------------------------------- transcriptions: theta and g are lists over t
# g[0] is not used: the gradients are g[1], g[2], ...


def gd(theta, g, eta):
    for t in range(1, len(g)):
        theta.append(theta[t - 1] - eta(t) * g[t])


def momentum(theta, g, eta, beta):
    m = [0.0]
    for t in range(1, len(g)):
        m.append(beta(t) * m[t - 1] + g[t])
        theta.append(theta[t - 1] - eta(t) * m[t])


def classical_momentum(theta, g, eta, beta):
    u = [0.0]
    for t in range(1, len(g)):
        u.append(beta(t) * u[t - 1] + eta(t) * g[t])
        theta.append(theta[t - 1] - u[t])


def ema_momentum(theta, g, eta, beta):
    m = [0.0]
    for t in range(1, len(g)):
        m.append(beta(t) * m[t - 1] + (1 - beta(t)) * g[t])
        theta.append(theta[t - 1] - eta(t) * m[t])


def nesterov(theta, g, eta, beta):
    m = [0.0]
    for t in range(1, len(g)):
        m.append(beta(t) * m[t - 1] + g[t])
        theta.append(theta[t - 1] - eta(t) * (g[t] + beta(t) * m[t]))


def adagrad(theta, g, eta, epsilon, s0):
    s = [s0(1)]
    for t in range(1, len(g)):
        s.append(s[t - 1] + g[t] ** 2)
        theta.append(theta[t - 1] - eta(t) * (g[t] / (sqrt(s[t]) + epsilon(t))))


def rmsprop(theta, g, eta, beta2, epsilon):
    v = [0.0]
    for t in range(1, len(g)):
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        theta.append(theta[t - 1] - eta(t) * (g[t] / (sqrt(v[t]) + epsilon(t))))


def adam(theta, g, eta, beta1, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        m_hat = m[t] / (1 - beta1(t) ** t)
        v_hat = v[t] / (1 - beta2(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(v_hat) + epsilon(t))))


def centered_rmsprop(theta, g, eta, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta2(t) * m[t - 1] + (1 - beta2(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        theta.append(theta[t - 1] - eta(t) * (g[t] / (sqrt(v[t] - m[t] ** 2) + epsilon(t))))


def momentum_rmsprop(theta, g, eta, beta, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        m.append(beta(t) * m[t - 1] + g[t] / (sqrt(v[t]) + epsilon(t)))
        theta.append(theta[t - 1] - eta(t) * m[t])


def adadelta(theta, g, eta, rho, epsilon):
    v, d, s = [0.0], [None], [0.0]
    for t in range(1, len(g)):
        v.append(rho(t) * v[t - 1] + (1 - rho(t)) * g[t] ** 2)
        d.append(sqrt(s[t - 1] + epsilon(t)) / sqrt(v[t] + epsilon(t)) * g[t])
        s.append(rho(t) * s[t - 1] + (1 - rho(t)) * d[t] ** 2)
        theta.append(theta[t - 1] - eta(t) * d[t])


def adam_l2(theta, g, eta, beta1, beta2, epsilon, lam):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        g_tilde = g[t] + lam(t) * theta[t - 1]
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g_tilde)
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g_tilde**2)
        m_hat = m[t] / (1 - beta1(t) ** t)
        v_hat = v[t] / (1 - beta2(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(v_hat) + epsilon(t))))


def adamw(theta, g, eta, beta1, beta2, epsilon, lam):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        m_hat = m[t] / (1 - beta1(t) ** t)
        v_hat = v[t] / (1 - beta2(t) ** t)
        shrunk = (1 - eta(t) * lam(t)) * theta[t - 1]
        theta.append(shrunk - eta(t) * (m_hat / (sqrt(v_hat) + epsilon(t))))


def amsgrad(theta, g, eta, beta1, beta2, epsilon):
    m, v, w = [0.0], [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        w.append(max(w[t - 1], v[t]))
        m_hat = m[t] / (1 - beta1(t) ** t)
        w_hat = w[t] / (1 - beta2(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(w_hat) + epsilon(t))))


def adamax(theta, g, eta, beta1, beta2, epsilon):
    m, w = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        w.append(max(beta2(t) * w[t - 1], abs(g[t]) + epsilon(t)))
        theta.append(theta[t - 1] - eta(t) / (1 - beta1(t) ** t) * (m[t] / w[t]))


def nadam(theta, g, eta, beta1, beta2, epsilon, psi):
    m, v, p = [0.0], [0.0], [1.0]
    for t in range(1, len(g)):
        mu = beta1(t) * (1 - 1 / 2 * 0.96 ** (t * psi(t)))
        mu_next = beta1(t) * (1 - 1 / 2 * 0.96 ** ((t + 1) * psi(t)))
        p.append(mu * p[t - 1])
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        look = (1 - mu) * g[t] / (1 - p[t]) + mu_next * m[t] / (1 - mu_next * p[t])
        theta.append(theta[t - 1] - eta(t) * look / (sqrt(v[t] / (1 - beta2(t) ** t)) + epsilon(t)))


def radam(theta, g, eta, beta1, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        b = beta2(t)
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(b * v[t - 1] + (1 - b) * g[t] ** 2)
        inf = 2 / (1 - b) - 1
        rho = inf - 2 * t * b**t / (1 - b**t)
        if rho > 5:
            r = sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho))
            scale = r * sqrt(1 - b**t) / (sqrt(v[t]) + epsilon(t))
        else:
            scale = 1
        theta.append(theta[t - 1] - eta(t) * m[t] / (1 - beta1(t) ** t) * scale)


def adabelief(theta, g, eta, beta1, beta2, epsilon):
    m, s = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        s.append(beta2(t) * s[t - 1] + (1 - beta2(t)) * (g[t] - m[t]) ** 2 + epsilon(t))
        m_hat = m[t] / (1 - beta1(t) ** t)
        s_hat = s[t] / (1 - beta2(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(s_hat) + epsilon(t))))


def sign(a):
    return (a > 0) - (a < 0)


def yogi(theta, g, eta, beta1, beta2, epsilon, v0):
    m, v = [v0(1)], [v0(1)]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(v[t - 1] - (1 - beta2(t)) * sign(v[t - 1] - g[t] ** 2) * g[t] ** 2)
        m_hat = m[t] / (1 - beta1(t) ** t)
        v_hat = v[t] / (1 - beta2(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(v_hat) + epsilon(t))))


def signsgd(theta, g, eta):
    for t in range(1, len(g)):
        theta.append(theta[t - 1] - eta(t) * sign(g[t]))


def lion(theta, g, eta, beta1, beta2, lam):
    m = [0.0]
    for t in range(1, len(g)):
        step = sign(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        theta.append((1 - eta(t) * lam(t)) * theta[t - 1] - eta(t) * step)
        m.append(beta2(t) * m[t - 1] + (1 - beta2(t)) * g[t])


def rprop(theta, g, eta, shrink, grow, smallest, largest):
    h, delta = [0.0], [eta(1)]
    for t in range(1, len(g)):
        same = g[t] * h[t - 1]
        factor = grow(t) if same > 0 else shrink(t) if same < 0 else 1
        delta.append(min(max(delta[t - 1] * factor, smallest(t)), largest(t)))
        h.append(0 if same < 0 else g[t])
        theta.append(theta[t - 1] - delta[t] * sign(h[t]))


def schedule_free_sgd(theta, g, eta, beta):
    z, a = [theta[0]], [theta[0]]
    for t in range(1, len(g)):
        z.append(z[t - 1] - eta(t) * g[t])
        a.append((1 - 1 / t) * a[t - 1] + 1 / t * z[t])
        theta.append((1 - beta(t)) * z[t] + beta(t) * a[t])


def schedule_free_adamw(theta, g, eta, beta1, beta2, epsilon, lam):
    z, a, v, w = [theta[0]], [theta[0]], [0.0], [0.0]
    for t in range(1, len(g)):
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        w.append(w[t - 1] + eta(t) ** 2)
        root = sqrt(v[t] / (1 - beta2(t) ** t)) + epsilon(t)
        z.append(z[t - 1] - eta(t) * (g[t] / root + lam(t) * theta[t - 1]))
        a.append((1 - eta(t) ** 2 / w[t]) * a[t - 1] + eta(t) ** 2 / w[t] * z[t])
        theta.append((1 - beta1(t)) * z[t] + beta1(t) * a[t])


# --------------------------------------- matrices: one step each, from the memory of the one before
# They compute roots, eigenvectors and polynomials by singular values, which optlib does not.


def ns(G, eps):
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    s = s / max(np.sqrt((G**2).sum()), eps)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return U * s @ Vt


def muon(t, theta, g, m, eta, beta, lam, eps):
    (p, q), m = g.shape, beta * m + (1 - beta) * g
    u = beta * m + (1 - beta) * g
    return (1 - eta * lam) * theta - eta * np.sqrt(max(1, p / q)) * ns(u, eps), m


def rms(a):
    return np.sqrt((a**2).sum() / a.size)


def adafactor(t, theta, g, r, c, eta, tau, eps1, eps2, d, lam):
    p, q = g.shape
    r = r + t**-tau * (np.array([sum(g[i, j] ** 2 for j in range(q)) / q for i in range(p)]) - r)
    c = c + t**-tau * (np.array([sum(g[i, j] ** 2 for i in range(p)) / p for j in range(q)]) - c)
    v = r[:, None] * c[None, :] / max(r.sum() / p, eps1)
    u = g / np.where(np.sqrt(v) > eps1, np.sqrt(v), eps1)
    size = max(eps2, rms(theta)) * min(eta, 1 / np.sqrt(t))
    return (1 - eta * lam) * theta - size * u / max(1, rms(u) / d), r, c


def length(a):
    return np.sqrt((a**2).sum())


def lars(t, theta, g, u, eta, beta, c, lam):
    rho = c * length(theta) / (length(g) + lam * length(theta))
    u = beta * u + eta * rho * (g + lam * theta)
    return theta - u, u


def lamb(t, theta, g, m, v, eta, beta1, beta2, eps, lam):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps) + lam * theta
    return theta - eta * length(theta) / length(u) * u, m, v


def fourth_root(A):
    U, s, _ = np.linalg.svd(A)
    return U / s**0.25 @ U.T


def shampoo(t, theta, g, L, R, eta, eps):
    L, R = L + g @ g.T, R + g.T @ g
    step = fourth_root(L + eps * np.eye(len(L))) @ g @ fourth_root(R + eps * np.eye(len(R)))
    return theta - eta * step, L, R


def soap(t, theta, g, m, v, L, R, P, Q, eta, beta1, beta2, eps, lam):
    L = beta2 * L + (1 - beta2) * g @ g.T
    R = beta2 * R + (1 - beta2) * g.T @ g
    if t == 1:
        P, _, Vt = np.linalg.svd(g)
        return theta, m, v, L, R, P, Vt.T
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (P.T @ g @ Q) ** 2
    above = P.T @ m @ Q / (1 - beta1 ** (t - 1))
    below = np.sqrt(v / (1 - beta2 ** (t - 1))) + eps
    theta = (1 - eta * lam) * theta - eta * P @ (above / below) @ Q.T
    if t in (11, 21, 31, 41, 51):
        P, Q = np.linalg.qr(L @ P)[0], np.linalg.qr(R @ Q)[0]
    return theta, m, v, L, R, P, Q


# ------------------------------------- what other libraries compute under the same names, likewise


def dampened_momentum(theta, g, eta, beta, tau):
    m = [None, g[1]]
    theta.append(theta[0] - eta(1) * m[1])
    for t in range(2, len(g)):
        m.append(beta(t) * m[t - 1] + (1 - tau(t)) * g[t])
        theta.append(theta[t - 1] - eta(t) * m[t])


def keras_nesterov(theta, g, eta, beta):
    u = [0.0]
    for t in range(1, len(g)):
        u.append(beta(t) * u[t - 1] + eta(t) * g[t])
        theta.append(theta[t - 1] - (beta(t) * u[t] + eta(t) * g[t]))


def keras_adagrad(theta, g, eta, epsilon, s0):
    s = [s0(1)]
    for t in range(1, len(g)):
        s.append(s[t - 1] + g[t] ** 2)
        theta.append(theta[t - 1] - eta(t) * (g[t] / sqrt(s[t] + epsilon(t))))


def keras_rmsprop(theta, g, eta, beta, beta2, epsilon, v0):
    v, u = [v0(1)], [0.0]
    for t in range(1, len(g)):
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        u.append(beta(t) * u[t - 1] + eta(t) * (g[t] / sqrt(v[t] + epsilon(t))))
        theta.append(theta[t - 1] - u[t])


def keras_centered_rmsprop(theta, g, eta, beta, beta2, epsilon):
    m, v, u = [0.0], [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta2(t) * m[t - 1] + (1 - beta2(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        u.append(beta(t) * u[t - 1] + eta(t) * (g[t] / sqrt(v[t] - m[t] ** 2 + epsilon(t))))
        theta.append(theta[t - 1] - u[t])


def keras_adam(theta, g, eta, beta1, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        rate = eta(t) * sqrt(1 - beta2(t) ** t) / (1 - beta1(t) ** t)
        theta.append(theta[t - 1] - rate * (m[t] / (sqrt(v[t]) + epsilon(t))))


def keras_adamw(theta, g, eta, beta1, beta2, epsilon, lam):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        rate = eta(t) * sqrt(1 - beta2(t) ** t) / (1 - beta1(t) ** t)
        shrunk = (1 - eta(t) * lam(t)) * theta[t - 1]
        theta.append(shrunk - rate * (m[t] / (sqrt(v[t]) + epsilon(t))))


def paper_adamw(theta, g, eta, beta1, beta2, epsilon, lam, kappa):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        m_hat = m[t] / (1 - beta1(t) ** t)
        v_hat = v[t] / (1 - beta2(t) ** t)
        adam_part = eta(t) * (m_hat / (sqrt(v_hat) + epsilon(t)))
        theta.append(theta[t - 1] - kappa(t) * (adam_part + lam(t) * theta[t - 1]))


def paper_amsgrad(theta, g, eta, beta1, beta2, epsilon):
    m, v, w = [0.0], [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        w.append(max(w[t - 1], v[t]))
        theta.append(theta[t - 1] - eta(t) * (m[t] / (sqrt(w[t]) + epsilon(t))))


def optax_amsgrad(theta, g, eta, beta1, beta2, epsilon):
    m, v, w = [0.0], [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        w.append(max(w[t - 1], v[t] / (1 - beta2(t) ** t)))
        m_hat = m[t] / (1 - beta1(t) ** t)
        theta.append(theta[t - 1] - eta(t) * (m_hat / (sqrt(w[t]) + epsilon(t))))


def keras_amsgrad(theta, g, eta, beta1, beta2, epsilon):
    m, v, w = [0.0], [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        w.append(max(w[t - 1], v[t]))
        rate = eta(t) * sqrt(1 - beta2(t) ** t) / (1 - beta1(t) ** t)
        theta.append(theta[t - 1] - rate * (m[t] / (sqrt(w[t]) + epsilon(t))))


def keras_adamax(theta, g, eta, beta1, beta2, epsilon):
    m, w = [0.0], [0.0]
    for t in range(1, len(g)):
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        w.append(max(beta2(t) * w[t - 1], abs(g[t])))
        theta.append(theta[t - 1] - eta(t) / (1 - beta1(t) ** t) * (m[t] / (w[t] + epsilon(t))))


def optax_nadam(theta, g, eta, beta1, beta2, epsilon):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        b = beta1(t)
        m.append(b * m[t - 1] + (1 - b) * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * g[t] ** 2)
        look = (1 - b) * g[t] / (1 - b**t) + b * m[t] / (1 - b ** (t + 1))
        theta.append(theta[t - 1] - eta(t) * look / (sqrt(v[t] / (1 - beta2(t) ** t)) + epsilon(t)))


def optax_radam(theta, g, eta, beta1, beta2, epsilon, rho_min):
    m, v = [0.0], [0.0]
    for t in range(1, len(g)):
        b = beta2(t)  # the text: m, v, rho and r as in RAdam
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * g[t])
        v.append(b * v[t - 1] + (1 - b) * g[t] ** 2)
        inf = 2 / (1 - b) - 1
        rho, scale = inf - 2 * t * b**t / (1 - b**t), 1
        if rho >= rho_min(t):
            r = sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho))
            scale = r / (sqrt(v[t] / (1 - b**t)) + epsilon(t))
        theta.append(theta[t - 1] - eta(t) * m[t] / (1 - beta1(t) ** t) * scale)


def optax_rprop(theta, g, eta, shrink, grow, smallest, largest):
    u, delta = [0.0], [eta(1)]
    for t in range(1, len(g)):
        same = g[t] * u[t - 1]
        factor = grow(t) if same > 0 else shrink(t)
        clipped = min(max(delta[t - 1] * factor, smallest(t)), largest(t))
        delta.append(delta[t - 1] if same == 0 else clipped)
        u.append(0 if same < 0 else delta[t] * sign(g[t]))
        theta.append(theta[t - 1] - (0 if same < 0 else u[t - 1]))


# ------------------------------------- wrappers: step is one step of a rule that has its own memory


def lookahead(theta, g, step, k, alpha):
    phi = [theta[0]]
    for t in range(1, len(g)):
        tilde = step(theta[t - 1], g[t])
        phi.append((1 - alpha) * phi[t - 1] + alpha * tilde if t % k == 0 else phi[t - 1])
        theta.append(phi[t] if t % k == 0 else tilde)
    return theta


def decoupled_decay(theta, g, step, eta, lam):
    for t in range(1, len(g)):
        theta.append(step((1 - eta * lam) * theta[t - 1], g[t]))
    return theta


def polyak_ruppert(theta, g, step, T):
    average = [theta[0]]
    for t in range(1, len(g)):
        theta.append(step(theta[t - 1], g[t]))
        n = max(1, t - T + 1)
        average.append((1 - 1 / n) * average[t - 1] + theta[t] / n)
    return average


def ema(theta, g, step, beta_bar):
    average = [theta[0]]
    for t in range(1, len(g)):
        theta.append(step(theta[t - 1], g[t]))
        average.append(beta_bar * average[t - 1] + (1 - beta_bar) * theta[t])
    return average


# ------------------------------------------- estimates of the distance: theta and g are all numbers


def dadapt_sgd(theta, g, eta, beta, d0):
    r, s, d = [0.0], [0 * g[1]], [d0(1)]
    for t in range(1, len(g)):
        eta_t = eta(t) * d[t - 1] / length(g[1])
        r.append(r[t - 1] + eta_t * (g[t] @ s[t - 1]))
        s.append(s[t - 1] + eta_t * g[t])
        d.append(max(d[t - 1], 2 * r[t] / length(s[t])))
        theta.append(beta(t) * theta[t - 1] + (1 - beta(t)) * (theta[0] - s[t]))


def prodigy(theta, g, eta, beta1, beta2, epsilon, lam, d0, c):
    m, v, r, s, d = [0 * g[1]], [0 * g[1]], [0.0], [0 * g[1]], [d0(1)]
    for t in range(1, len(g)):
        a = eta(t) * d[t - 1]
        m.append(beta1(t) * m[t - 1] + (1 - beta1(t)) * d[t - 1] * g[t])
        v.append(beta2(t) * v[t - 1] + (1 - beta2(t)) * d[t - 1] ** 2 * g[t] ** 2)
        inner = g[t] @ (theta[0] - theta[t - 1])
        r.append(sqrt(beta2(t)) * r[t - 1] + eta(t) * d[t - 1] ** 2 * inner)
        s.append(sqrt(beta2(t)) * s[t - 1] + eta(t) * d[t - 1] ** 2 * g[t])
        d.append(max(d[t - 1], c(t) * r[t] / np.sum(np.abs(s[t]))))
        step = m[t] / (np.sqrt(v[t]) + epsilon(t) * d[t])
        theta.append((1 - a * lam(t)) * theta[t - 1] - a * step)


# -------------------------------------------------- second order: x is the list of points so far
# Each transcription returns the point that comes next, from all points before it. What the equation
# leaves to the text (the first matrix, when a step is refused) is marked as such.


class Sample(Problem):
    """Half the sum of squares of u + bend u^2 for u = A x - b, each derivative written out."""

    dim = 3
    A = np.array([[2.0, 0.3, -0.1], [0.2, 1.5, 0.4], [-0.3, 0.1, 1.0], [0.5, -0.4, 0.8]])
    b = np.array([1.0, -0.7, 0.5, 0.2])
    start = (1.1, 0.6, -0.9)

    def __init__(self, bend=0.1):
        super().__init__()
        self.bend = bend

    def residual(self, x):
        u = self.A @ x - self.b
        return u + self.bend * u**2

    def jacobian(self, x):
        u = self.A @ x - self.b
        return (1 + 2 * self.bend * u)[:, None] * self.A

    def f(self, x):
        return sum(self.residual(x) ** 2) / 2

    def grad(self, x):
        return self.jacobian(x).T @ self.residual(x)

    def hess(self, x):
        u = self.A @ x - self.b
        weights = (1 + 2 * self.bend * u) ** 2 + 2 * self.bend * self.residual(x)
        return self.A.T * weights @ self.A

    def fisher(self, x):
        """Of four coins with the logits A x - b."""
        p = 1 / (1 + np.exp(self.b - self.A @ x))
        return self.A.T * (p * (1 - p)) @ self.A


class Banana(Rosenbrock):
    """Half the Rosenbrock function as least squares, on which some steps are refused."""

    def residual(self, x):
        return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    def jacobian(self, x):
        return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])

    def f(self, x):
        return super().f(x) / 2

    def grad(self, x):
        return super().grad(x) / 2


def newton(problem, x, lam, a):
    H, g = problem.hess(x[-1]), problem.grad(x[-1])
    p = -np.linalg.inv(H + lam * np.eye(len(g))) @ g
    return x[-1] + a * p


def natural_gradient(problem, x, lam, a):
    p = 1 / (1 + np.exp(problem.b - problem.A @ x[-1]))
    F = 0.0  # the expectation: all 16 results of four coins, each with its probability
    for y in itertools.product([0, 1], repeat=4):
        grad_log_p = problem.A.T @ (y - p)
        F = F + np.prod(np.where(y, p, 1 - p)) * np.outer(grad_log_p, grad_log_p)
    return x[-1] - a * np.linalg.inv(F + lam * np.eye(3)) @ problem.grad(x[-1])


def arg_min(g, H, Delta):
    """The p of at most that length with the least g'p + p'Hp / 2, by halving the multiplier."""

    def p(sigma):
        return np.linalg.solve(H + sigma * np.eye(len(g)), -g)

    h = np.linalg.eigvalsh(H)[0]
    if h > 0 and np.linalg.norm(p(0)) <= Delta:
        return p(0)
    low, high = max(0.0, -h), max(0.0, -h) + np.linalg.norm(g) / Delta
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.linalg.norm(p(middle)) > Delta else (low, middle)
    return p(high)


def trust_region(problem, x, Delta, largest, accept):
    for x_t in x:
        g, H = problem.grad(x_t), problem.hess(x_t)
        p = arg_min(g, H, Delta)
        rho = (problem.f(x_t) - problem.f(x_t + p)) / (-g @ p - 1 / 2 * p @ H @ p)
        if rho < 1 / 4:  # the text: what the radius becomes, and which steps are taken
            Delta = Delta / 4
        elif rho > 3 / 4 and np.linalg.norm(p) > Delta * (1 - 1e-9):
            Delta = min(2 * Delta, largest)
        after = x_t + p if rho > accept else x_t
    return after


def linear_cg(problem, x):
    H, g = problem.hess(x[0]), problem.grad(x[0])
    p, x_t = -g, x[0]
    for _ in x:
        a = g @ g / (p @ H @ p)
        x_t = x_t + a * p
        g, g_before = g + a * H @ p, g
        p = -g + g @ g / (g_before @ g_before) * p
    return x_t


def nonlinear_cg(problem, x, a):
    g = [problem.grad(x_t) for x_t in x]
    p = -g[0]
    for t in range(1, len(x)):
        beta = max(0, g[t] @ (g[t] - g[t - 1]) / (g[t - 1] @ g[t - 1]))
        p = -g[t] + beta * p
        if p @ g[t] >= 0:  # the text: it starts again
            p = -g[t]
    return x[-1] + a * p


def pairs(problem, x):
    """s and y of each step."""
    s = [x[t] - x[t - 1] for t in range(1, len(x))]
    y = [problem.grad(x[t]) - problem.grad(x[t - 1]) for t in range(1, len(x))]
    return list(zip(s, y, strict=True))


def bfgs(problem, x, a):
    one = B = np.eye(len(x[0]))
    for t, (s, y) in enumerate(pairs(problem, x)):
        if t == 0:  # the text: the scale of the first matrix
            B = s @ y / (y @ y) * one
        rho = 1 / (y @ s)
        left, right = one - rho * np.outer(s, y), one - rho * np.outer(y, s)
        B = left @ B @ right + rho * np.outer(s, s)
    p = -B @ problem.grad(x[-1])
    return x[-1] + a * p


def lbfgs(problem, x, a, m):
    q, kept = problem.grad(x[-1]), pairs(problem, x)[-m:]
    lengths = {}
    for i in reversed(range(len(kept))):
        s, y = kept[i]
        lengths[i] = 1 / (y @ s) * (s @ q)
        q = q - lengths[i] * y
    if kept:
        s, y = kept[-1]
        q = s @ y / (y @ y) * q
    for i in range(len(kept)):
        s, y = kept[i]
        q = q + (lengths[i] - 1 / (y @ s) * (y @ q)) * s
    return x[-1] + a * -q


def barzilai_borwein(problem, x, first, short):
    a = first
    for s, y in pairs(problem, x)[-1:]:
        a_long, a_short = s @ s / (s @ y), s @ y / (y @ y)
        a = a_short if short else a_long
    return x[-1] - a * problem.grad(x[-1])


def polyak_step(problem, x, f_star):
    g = problem.grad(x[-1])
    return x[-1] - (problem.f(x[-1]) - f_star) / np.linalg.norm(g) ** 2 * g


def gauss_newton(problem, x, a):
    J, r = problem.jacobian(x[-1]), problem.residual(x[-1])
    p = -np.linalg.inv(J.T @ J) @ J.T @ r
    return x[-1] + a * p


def levenberg_marquardt(problem, x, lam, factor):
    for x_t in x:
        J, r = problem.jacobian(x_t), problem.residual(x_t)
        D = np.diag(np.diag(J.T @ J))
        after = x_t - np.linalg.inv(J.T @ J + lam * D) @ J.T @ r
        if problem.f(after) <= problem.f(x_t):  # the text: what becomes of lambda
            lam = lam / factor
        else:
            lam, after = lam * factor, x_t
    return after


# class: (where the equation stands, its LaTeX, its transcription, our name of each symbol)
EQUATIONS = {
    "GD": (
        "chapter:eq-gd",
        r"\theta_t = \theta_{t-1} - \eta\, g_t",
        gd,
        dict(eta="lr"),
    ),
    "Momentum": (
        "eq-momentum",
        r"m_t = \beta\, m_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \eta\, m_t",
        momentum,
        dict(eta="lr", beta="beta"),
    ),
    "ClassicalMomentum": (
        "eq-classical-momentum",
        r"u_t = \beta\, u_{t-1} + \eta\, g_t, \qquad \theta_t = \theta_{t-1} - u_t",
        classical_momentum,
        dict(eta="lr", beta="beta"),
    ),
    "EMAMomentum": (
        "eq-ema-momentum",
        r"m_t = \beta\, m_{t-1} + (1 - \beta)\, g_t, \qquad \theta_t = \theta_{t-1} - \eta\, m_t",
        ema_momentum,
        dict(eta="lr", beta="beta"),
    ),
    "Nesterov": (
        "eq-nesterov",
        r"m_t = \beta\, m_{t-1} + g_t, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\,(g_t + \beta\, m_t)",
        nesterov,
        dict(eta="lr", beta="beta"),
    ),
    "Adagrad": (
        "eq-adagrad",
        r"s_t = s_{t-1} + g_t^2, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{s_t} + \epsilon}",
        adagrad,
        dict(eta="lr", epsilon="eps", s0="s0"),
    ),
    "RMSprop": (
        "eq-rmsprop",
        r"v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t} + \epsilon}",
        rmsprop,
        dict(eta="lr", beta2="beta2", epsilon="eps"),
    ),
    "Adam": (
        "eq-adam",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        adam,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps"),
    ),
    "CenteredRMSprop": (
        "eq-centered-rmsprop",
        r"m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t - m_t^2} + \epsilon}",
        centered_rmsprop,
        dict(eta="lr", beta2="beta2", epsilon="eps"),
    ),
    "MomentumRMSprop": (
        "eq-momentum-rmsprop",
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"m_t &= \beta\, m_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, m_t",
        momentum_rmsprop,
        dict(eta="lr", beta="beta", beta2="beta2", epsilon="eps"),
    ),
    "Adadelta": (
        "eq-adadelta",
        r"v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\ "
        r"d_t &= \frac{\sqrt{s_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\ "
        r"s_t &= \rho\, s_{t-1} + (1 - \rho)\, d_t^2 \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, d_t",
        adadelta,
        dict(eta="lr", rho="rho", epsilon="eps"),
    ),
    "AdamL2": (
        "eq-adam-l2",
        r"\tilde g_t &= g_t + \lambda\, \theta_{t-1} \\ "
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, \tilde g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, \tilde g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        adam_l2,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps", lam="l2"),
    ),
    "AdamW": (
        "eq-adamw",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        adamw,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps", lam="wd"),
    ),
    "AMSGrad": (
        "eq-amsgrad",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"w_t &= \max(w_{t-1}, v_t) \\ "
        r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{w_t / (1 - \beta_2^t)} + \epsilon}",
        amsgrad,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps"),
    ),
    "Adamax": (
        "eq-adamax",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"w_t &= \max(\beta_2\, w_{t-1}, |g_t| + \epsilon) \\ "
        r"\theta_t &= \theta_{t-1} - \frac{\eta}{1 - \beta_1^t}\, \frac{m_t}{w_t}",
        adamax,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps"),
    ),
    "NAdam": (
        "eq-nadam",
        r"\beta_{1,t} &= \beta_1 (1 - \tfrac12\, 0.96^{t \psi}), "
        r"\qquad p_t = \beta_{1,t}\, p_{t-1} \\ "
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, "
        r"\frac{(1 - \beta_{1,t})\, g_t / (1 - p_t) "
        r"+ \beta_{1,t+1}\, m_t / (1 - \beta_{1,t+1}\, p_t)} "
        r"{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        nadam,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps", psi="psi"),
    ),
    "RAdam": (
        "eq-radam",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t, \qquad "
        r"v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\rho_\infty &= \frac{2}{1 - \beta_2} - 1, \qquad "
        r"\rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t} \\ "
        r"r_t &= \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\, \rho_\infty} "
        r"{(\rho_\infty - 4)(\rho_\infty - 2)\, \rho_t}} \\ "
        r"\theta_t &= \theta_{t-1} - \frac{\eta\, m_t}{1 - \beta_1^t} \cdot "
        r"\begin{cases} r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\ "
        r"1 & \text{otherwise} \end{cases}",
        radam,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps"),
    ),
    "AdaBelief": (
        "eq-adabelief",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"s_t &= \beta_2\, s_{t-1} + (1 - \beta_2)\, (g_t - m_t)^2 + \epsilon \\ "
        r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}",
        adabelief,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps"),
    ),
    "Yogi": (
        "eq-yogi",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= v_{t-1} - (1 - \beta_2)\, \mathrm{sign}(v_{t-1} - g_t^2)\, g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        yogi,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps", v0="v0"),
    ),
    "SignSGD": (
        "eq-signsgd",
        r"\theta_t = \theta_{t-1} - \eta\, \mathrm{sign}(g_t)",
        signsgd,
        dict(eta="lr"),
    ),
    "Lion": (
        "eq-lion",
        r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} "
        r"- \eta\, \mathrm{sign}(\beta_1\, m_{t-1} + (1 - \beta_1)\, g_t) \\ "
        r"m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t",
        lion,
        dict(eta="lr", beta1="beta1", beta2="beta2", lam="wd"),
    ),
    "Rprop": (
        "eq-rprop",
        r"\delta_t &= \mathrm{clip}(\delta_{t-1} \cdot "
        r"\begin{cases} \eta_+ & g_t\, h_{t-1} > 0 \\ \eta_- & g_t\, h_{t-1} < 0 \\ "
        r"1 & \text{otherwise} \end{cases},\; \delta_{\min}, \delta_{\max}) \\ "
        r"h_t &= \begin{cases} 0 & g_t\, h_{t-1} < 0 \\ g_t & \text{otherwise} \end{cases} \\ "
        r"\theta_t &= \theta_{t-1} - \delta_t\, \mathrm{sign}(h_t)",
        rprop,
        dict(eta="lr", shrink="shrink", grow="grow", smallest="smallest", largest="largest"),
    ),
}
EQUATIONS |= {
    "ScheduleFreeSGD": (
        "eq-schedule-free-sgd",
        r"z_t &= z_{t-1} - \eta\, g_t \\ "
        r"a_t &= (1 - \tfrac1t)\, a_{t-1} + \tfrac1t\, z_t \\ "
        r"\theta_t &= (1 - \beta)\, z_t + \beta\, a_t",
        schedule_free_sgd,
        dict(eta="lr", beta="beta"),
    ),
    "ScheduleFreeAdamW": (
        "eq-schedule-free-adamw",
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad "
        r"w_t = w_{t-1} + \eta^2 \\ "
        r"z_t &= z_{t-1} - \eta \Big( \frac{g_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} "
        r"+ \lambda\, \theta_{t-1} \Big) \\ "
        r"a_t &= (1 - \eta^2 / w_t)\, a_{t-1} + (\eta^2 / w_t)\, z_t \\ "
        r"\theta_t &= (1 - \beta_1)\, z_t + \beta_1\, a_t",
        schedule_free_adamw,
        dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps", lam="wd"),
    ),
}
SAME_FORMULA = {"SGD": "GD"}  # a class that inherits its parent's update, and prints none

ADAM_MOMENTS = (
    r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
    r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
)
ADAM_SYMBOLS = dict(eta="lr", beta1="beta1", beta2="beta2", epsilon="eps")

# as EQUATIONS, for the classes of optlib.compat
VARIANT_EQUATIONS = {
    "DampenedMomentum": (
        "eq-dampened-momentum",
        r"m_1 = g_1, \qquad m_t = \beta\, m_{t-1} + (1 - \tau)\, g_t, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\, m_t",
        dampened_momentum,
        dict(eta="lr", beta="beta", tau="dampening"),
    ),
    "KerasNesterov": (
        "eq-keras-nesterov",
        r"u_t = \beta\, u_{t-1} + \eta\, g_t, \qquad "
        r"\theta_t = \theta_{t-1} - (\beta\, u_t + \eta\, g_t)",
        keras_nesterov,
        dict(eta="lr", beta="beta"),
    ),
    "KerasAdagrad": (
        "eq-keras-adagrad",
        r"s_t = s_{t-1} + g_t^2, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{s_t + \epsilon}}",
        keras_adagrad,
        dict(eta="lr", epsilon="eps", s0="s0"),
    ),
    "KerasRMSprop": (
        "eq-keras-rmsprop",
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"u_t &= \beta\, u_{t-1} + \eta\, \frac{g_t}{\sqrt{v_t + \epsilon}} \\ "
        r"\theta_t &= \theta_{t-1} - u_t",
        keras_rmsprop,
        dict(eta="lr", beta="beta", beta2="beta2", epsilon="eps", v0="v0"),
    ),
    "KerasCenteredRMSprop": (
        "eq-keras-centered-rmsprop",
        r"m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t, \qquad "
        r"v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"u_t &= \beta\, u_{t-1} + \eta\, \frac{g_t}{\sqrt{v_t - m_t^2 + \epsilon}}, \qquad "
        r"\theta_t = \theta_{t-1} - u_t",
        keras_centered_rmsprop,
        dict(eta="lr", beta="beta", beta2="beta2", epsilon="eps"),
    ),
    "KerasAdam": (
        "eq-keras-adam",
        ADAM_MOMENTS + r"\theta_t &= \theta_{t-1} "
        r"- \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} "
        r"\cdot \frac{m_t}{\sqrt{v_t} + \hat\epsilon}",
        keras_adam,
        ADAM_SYMBOLS,
    ),
    "KerasAdamW": (
        "eq-keras-adamw",
        ADAM_MOMENTS + r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} "
        r"- \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} "
        r"\cdot \frac{m_t}{\sqrt{v_t} + \hat\epsilon}",
        keras_adamw,
        dict(ADAM_SYMBOLS, lam="wd"),
    ),
    "PaperAdamW": (
        "eq-paper-adamw",
        ADAM_MOMENTS + r"\theta_t &= \theta_{t-1} - \gamma_t \Big( \eta\, "
        r"\frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} "
        r"+ \lambda\, \theta_{t-1} \Big)",
        paper_adamw,
        dict(ADAM_SYMBOLS, lam="wd", kappa="schedule"),
    ),
    "PaperAMSGrad": (
        "eq-paper-amsgrad",
        ADAM_MOMENTS + r"w_t &= \max(w_{t-1}, v_t) \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, \frac{m_t}{\sqrt{w_t} + \epsilon}",
        paper_amsgrad,
        ADAM_SYMBOLS,
    ),
    "OptaxAMSGrad": (
        "eq-optax-amsgrad",
        ADAM_MOMENTS + r"w_t &= \max(w_{t-1}, v_t / (1 - \beta_2^t)) \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{w_t} + \epsilon}",
        optax_amsgrad,
        ADAM_SYMBOLS,
    ),
    "KerasAMSGrad": (
        "eq-keras-amsgrad",
        ADAM_MOMENTS + r"w_t &= \max(w_{t-1}, v_t) \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} "
        r"\cdot \frac{m_t}{\sqrt{w_t} + \hat\epsilon}",
        keras_amsgrad,
        ADAM_SYMBOLS,
    ),
    "KerasAdamax": (
        "eq-keras-adamax",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"w_t &= \max(\beta_2\, w_{t-1}, |g_t|) \\ "
        r"\theta_t &= \theta_{t-1} - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m_t}{w_t + \epsilon}",
        keras_adamax,
        ADAM_SYMBOLS,
    ),
    "OptaxNAdam": (
        "eq-optax-nadam",
        ADAM_MOMENTS + r"\theta_t &= \theta_{t-1} - \eta\, "
        r"\frac{(1 - \beta_1)\, g_t / (1 - \beta_1^t) + \beta_1\, m_t / (1 - \beta_1^{t+1})} "
        r"{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
        optax_nadam,
        ADAM_SYMBOLS,
    ),
    "OptaxRAdam": (
        "eq-optax-radam",
        r"\theta_t = \theta_{t-1} - \frac{\eta\, m_t}{1 - \beta_1^t} \cdot "
        r"\begin{cases} r_t / (\sqrt{v_t / (1 - \beta_2^t)} + \epsilon) & \rho_t \ge \rho_{\min} "
        r"\\ 1 & \text{otherwise} \end{cases}",
        optax_radam,
        dict(ADAM_SYMBOLS, rho_min="threshold"),
    ),
    "OptaxRprop": (
        "eq-optax-rprop",
        r"\delta_t &= \begin{cases} \delta_{t-1} & g_t\, u_{t-1} = 0 \\ "
        r"\mathrm{clip}(\delta_{t-1}\, \eta_+, \delta_{\min}, \delta_{\max}) & "
        r"g_t\, u_{t-1} > 0 \\ \mathrm{clip}(\delta_{t-1}\, \eta_-, \delta_{\min}, "
        r"\delta_{\max}) & g_t\, u_{t-1} < 0 \end{cases} \\ "
        r"u_t &= \begin{cases} 0 & g_t\, u_{t-1} < 0 \\ "
        r"\delta_t\, \mathrm{sign}(g_t) & \text{otherwise} \end{cases} \\ "
        r"\theta_t &= \theta_{t-1} - \begin{cases} 0 & g_t\, u_{t-1} < 0 \\ "
        r"u_{t-1} & \text{otherwise} \end{cases}",
        optax_rprop,
        dict(eta="lr", shrink="shrink", grow="grow", smallest="smallest", largest="largest"),
    ),
}

# wrapper: (label, LaTeX, transcription, what it returns, its numbers)
WRAPPER_EQUATIONS = {
    "Lookahead": (
        "eq-lookahead",
        r"\tilde\theta_t &= \mathrm{step}(\theta_{t-1}, g_t) \\ "
        r"\phi_t &= \begin{cases} "
        r"(1 - \alpha)\, \phi_{t-1} + \alpha\, \tilde\theta_t & k \mid t \\ "
        r"\phi_{t-1} & \text{otherwise} \end{cases} \\ "
        r"\theta_t &= \begin{cases} \phi_t & k \mid t \\ "
        r"\tilde\theta_t & \text{otherwise} \end{cases}",
        lookahead,
        "x",
        dict(k=("k", 3), alpha=("alpha", 0.3)),
    ),
    "DecoupledDecay": (
        "eq-decoupled-decay",
        r"\theta_t = \mathrm{step}((1 - \eta \lambda)\, \theta_{t-1}, g_t)",
        decoupled_decay,
        "x",
        dict(eta=("lr", 0.1), lam=("wd", 0.3)),
    ),
    "PolyakRuppert": (
        "eq-polyak-ruppert",
        r"n_t = \max(1,\, t - T + 1), \qquad "
        r"\bar\theta_t = (1 - 1 / n_t)\, \bar\theta_{t-1} + \theta_t / n_t",
        polyak_ruppert,
        "average",
        dict(T=("since", 5)),
    ),
    "EMA": (
        "eq-ema",
        r"\bar\theta_t = \bar\beta\, \bar\theta_{t-1} + (1 - \bar\beta)\, \theta_t",
        ema,
        "average",
        dict(beta_bar=("beta_average", 0.8)),
    ),
}
DEBIASED = r"\bar\beta_t = \beta\, \frac{1 - \beta^{t-1}}{1 - \beta^t}"

# as EQUATIONS, for rules that look at all numbers at once
DISTANCE_EQUATIONS = {
    "DAdaptSGD": (
        "eq-dadapt-sgd",
        r"\eta_t &= \eta\, d_{t-1} / \|g_1\| \\ "
        r"r_t &= r_{t-1} + \eta_t \langle g_t, s_{t-1} \rangle, \qquad "
        r"s_t = s_{t-1} + \eta_t\, g_t \\ "
        r"d_t &= \max(d_{t-1},\ 2 r_t / \|s_t\|) \\ "
        r"\theta_t &= \beta\, \theta_{t-1} + (1 - \beta)\, (\theta_0 - s_t)",
        dadapt_sgd,
        dict(eta="lr", beta="beta", d0="d0"),
    ),
    "Prodigy": (
        "eq-prodigy",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, d_{t-1}\, g_t, \qquad "
        r"v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, d_{t-1}^2\, g_t^2 \\ "
        r"r_t &= \sqrt{\beta_2}\, r_{t-1} "
        r"+ \eta\, d_{t-1}^2\, \langle g_t, \theta_0 - \theta_{t-1} \rangle, \qquad "
        r"s_t = \sqrt{\beta_2}\, s_{t-1} + \eta\, d_{t-1}^2\, g_t \\ "
        r"d_t &= \max(d_{t-1},\ c\, r_t / \|s_t\|_1) \\ "
        r"\theta_t &= (1 - \eta\, d_{t-1} \lambda)\, \theta_{t-1} "
        r"- \eta\, d_{t-1}\, \frac{m_t}{\sqrt{v_t} + \epsilon\, d_t}",
        prodigy,
        dict(ADAM_SYMBOLS, lam="wd", d0="d0", c="coef"),
    ),
}

# estimate: (label, LaTeX)
ESTIMATE_EQUATIONS = {
    "clip_norm": ("eq-clip-norm", r"\hat g = \min\!\left(1, \frac{c}{\|g\|}\right) g"),
    "clip_value": ("eq-clip-value", r"\hat g_i = \max(-c, \min(c, g_i))"),
    "sharpness_aware": (
        "eq-sam",
        r"\hat g(\theta) = \nabla f\!\left(\theta "
        r"+ \rho\, \frac{\nabla f(\theta)}{\|\nabla f(\theta)\|}\right)",
    ),
    "Accumulate": (
        "eq-accumulate",
        r"\hat g = \frac{\sum_{i=1}^{n} w_i\, g_i}{\sum_{i=1}^{n} w_i}",
    ),
    "finite_difference": (
        "eq-finite-difference",
        r"\hat g_i = \frac{f(\theta + h e_i) - f(\theta - h e_i)}{2h} "
        r"\qquad \text{or} \qquad "
        r"\hat g_i = \frac{f(\theta + h e_i) - f(\theta)}{h}",
    ),
    "random_direction": (
        "eq-random-direction",
        r"\hat g = \frac{f(\theta + h u) - f(\theta)}{h}\, u, \qquad u \sim \mathcal N(0, I)",
    ),
}

# class: (label, LaTeX, transcription, our names of its hyperparameters in its order)
MATRIX_EQUATIONS = {
    "Muon": (
        "eq-muon",
        r"m_t &= \beta\, m_{t-1} + (1 - \beta)\, g_t \\ "
        r"u_t &= \beta\, m_t + (1 - \beta)\, g_t \\ "
        r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} "
        r"- \eta \sqrt{\max(1, p/q)}\; \mathrm{NS}(u_t)",
        muon,
        ("lr", "beta", "wd", "eps"),
    ),
    "Adafactor": (
        "eq-adafactor",
        r"r_t &= r_{t-1} + t^{-\tau} (\mathrm{rowmeans}(g_t^2) - r_{t-1}), \qquad "
        r"c_t = c_{t-1} + t^{-\tau} (\mathrm{colmeans}(g_t^2) - c_{t-1}) \\ "
        r"v_t &= \frac{r_t c_t^\top}{\max(\mathrm{mean}(r_t), \epsilon_1)}, \qquad "
        r"u_t = \frac{g_t}{\max(\sqrt{v_t}, \epsilon_1)} \\ "
        r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} "
        r"- \max(\epsilon_2, \mathrm{rms}(\theta_{t-1}))\, \min(\eta, 1/\sqrt t)\, "
        r"\frac{u_t}{\max(1, \mathrm{rms}(u_t) / d)}",
        adafactor,
        ("lr", "power", "eps1", "eps2", "clip", "wd"),
    ),
    "LARS": (
        "eq-lars",
        r"\rho_t = \frac{c\, \|\theta_{t-1}\|}{\|g_t\| + \lambda \|\theta_{t-1}\|}, \qquad "
        r"u_t = \beta\, u_{t-1} + \eta\, \rho_t\, (g_t + \lambda\, \theta_{t-1}), \qquad "
        r"\theta_t = \theta_{t-1} - u_t",
        lars,
        ("lr", "beta", "trust", "wd"),
    ),
    "LAMB": (
        "eq-lamb",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"u_t &= \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} "
        r"+ \lambda\, \theta_{t-1} \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, \frac{\|\theta_{t-1}\|}{\|u_t\|}\, u_t",
        lamb,
        ("lr", "beta1", "beta2", "eps", "wd"),
    ),
    "Shampoo": (
        "eq-shampoo",
        r"L_t = L_{t-1} + g_t g_t^\top, \qquad R_t = R_{t-1} + g_t^\top g_t, \qquad "
        r"\theta_t = \theta_{t-1} "
        r"- \eta\, (L_t + \epsilon I)^{-1/4}\, g_t\, (R_t + \epsilon I)^{-1/4}",
        shampoo,
        ("lr", "eps"),
    ),
    "SOAP": (
        "eq-soap",
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, (P_t^\top g_t Q_t)^2 \\ "
        r"\theta_t &= (1 - \eta \lambda)\, \theta_{t-1} - \eta\, P_t\, "
        r"\frac{P_t^\top m_t Q_t / (1 - \beta_1^{t-1})} "
        r"{\sqrt{v_t / (1 - \beta_2^{t-1})} + \epsilon} \, Q_t^\top \\ "
        r"L_t &= \beta_2\, L_{t-1} + (1 - \beta_2)\, g_t g_t^\top, \qquad "
        r"R_t = \beta_2\, R_{t-1} + (1 - \beta_2)\, g_t^\top g_t",
        soap,
        ("lr", "beta1", "beta2", "eps", "wd"),
    ),
}
NEWTON_SCHULZ = (
    r"X_0 = \frac{G}{\max(\|G\|_F, \epsilon)}, \qquad "
    r"X_{k+1} = a X_k + b\,(X_k X_k^\top) X_k + c\,(X_k X_k^\top)^2 X_k"
)

# method: (label, LaTeX, transcription, our name of each symbol, problem, hyperparameters of runs)
METHOD_EQUATIONS = {
    "Newton": (
        "eq-newton",
        r"p_t = -(H_t + \lambda I)^{-1} g_t, \qquad x_{t+1} = x_t + a\, p_t",
        newton,
        dict(lam="damping", a="search"),
        Sample(),
        [dict(), dict(damping=0.7), dict(damping=2.0, search=Fixed(0.4))],
    ),
    "NaturalGradient": (
        "eq-natural-gradient",
        r"x_{t+1} = x_t - a\, (F_t + \lambda I)^{-1} g_t, \qquad "
        r"F = \mathbb{E}\big[ \nabla \log p(y)\, \nabla \log p(y)^\top \big]",
        natural_gradient,
        dict(lam="damping", a="search"),
        Sample(),
        [dict(search=Fixed(0.05)), dict(damping=0.7, search=Fixed(0.1))],
    ),
    "TrustRegion": (
        "eq-trust-region",
        r"p_t = \arg\min_{\lVert p \rVert \le \Delta_t} \; g_t^\top p + \tfrac12\, p^\top H_t\, p, "
        r"\qquad \rho_t = \frac{f(x_t) - f(x_t + p_t)}"
        r"{-g_t^\top p_t - \tfrac12\, p_t^\top H_t\, p_t}",
        trust_region,
        dict(Delta="radius", largest="largest", accept="accept"),
        Rosenbrock(),
        [dict(), dict(radius=0.3, largest=0.5, accept=0.0)],
    ),
    "LinearCG": (
        "eq-linear-cg",
        r"a_t = \frac{g_t^\top g_t}{p_t^\top H p_t}, \qquad x_{t+1} = x_t + a_t\, p_t, \qquad "
        r"g_{t+1} = g_t + a_t\, H p_t, \qquad "
        r"p_{t+1} = -g_{t+1} + \frac{g_{t+1}^\top g_{t+1}}{g_t^\top g_t}\, p_t",
        linear_cg,
        dict(),
        Sample(bend=0.0),
        [dict()],
    ),
    "NonlinearCG": (
        "eq-nonlinear-cg",
        r"\beta_t = \max\Big(0, \frac{g_t^\top (g_t - g_{t-1})}{g_{t-1}^\top g_{t-1}}\Big), \qquad "
        r"p_t = -g_t + \beta_t\, p_{t-1}",
        nonlinear_cg,
        dict(a="search"),
        Sample(),
        [dict(search=Fixed(0.1)), dict(search=Fixed(0.4))],
    ),
    "BFGS": (
        "eq-bfgs",
        r"p_t = -B_t\, g_t, \qquad "
        r"B_{t+1} = (I - \rho\, s y^\top)\, B_t\, (I - \rho\, y s^\top) + \rho\, s s^\top, \qquad "
        r"\rho = \frac{1}{y^\top s}",
        bfgs,
        dict(a="search"),
        Sample(),
        [dict(search=Fixed(0.3))],
    ),
    "LBFGS": (
        "eq-lbfgs",
        r"\text{newest to oldest: } a_i = \rho_i\, s_i^\top q, "
        r"\quad q \leftarrow q - a_i\, y_i; \\ "
        r"q \leftarrow \frac{s^\top y}{y^\top y}\, q; \\ "
        r"\text{oldest to newest: } q \leftarrow q + (a_i - \rho_i\, y_i^\top q)\, s_i",
        lbfgs,
        dict(a="search", m="m"),
        Sample(),
        [dict(search=Fixed(0.3), m=3), dict(search=Fixed(0.2), m=1)],
    ),
    "BarzilaiBorwein": (
        "eq-barzilai-borwein",
        r"x_{t+1} = x_t - a_t\, g_t, \qquad a_t^{long} = \frac{s^\top s}{s^\top y}, \qquad "
        r"a_t^{short} = \frac{s^\top y}{y^\top y}",
        barzilai_borwein,
        dict(first="first", short="short"),
        Sample(),
        [dict(first=0.05, short=0), dict(first=0.02, short=1)],
    ),
    "PolyakStep": (
        "eq-polyak-step",
        r"x_{t+1} = x_t - \frac{f(x_t) - f^*}{\lVert g_t \rVert^2}\, g_t",
        polyak_step,
        dict(f_star="f_star"),
        Sample(),
        [dict(f_star=0.0), dict(f_star=-1.5)],
    ),
    "GaussNewton": (
        "eq-gauss-newton",
        r"p_t = \arg\min_p\, \lVert r_t + J_t\, p \rVert^2 = -(J_t^\top J_t)^{-1} J_t^\top r_t",
        gauss_newton,
        dict(a="search"),
        Sample(),
        [dict(), dict(search=Fixed(0.3))],
    ),
    "LevenbergMarquardt": (
        "eq-levenberg-marquardt",
        r"(J_t^\top J_t + \lambda_t D_t)\, p_t = -J_t^\top r_t, \qquad "
        r"D_t = \operatorname{diag}(J_t^\top J_t)",
        levenberg_marquardt,
        dict(lam="damping", factor="factor"),
        Banana(),
        [dict(damping=0.1), dict(damping=1e-3, factor=4.0)],
    ),
}
NO_EQUATION = {"SteepestDescent"}  # a method whose direction is -g

# search: (label, LaTeX)
SEARCH_EQUATIONS = {
    "Exact": ("eq-exact-search", r"a = -\frac{g^\top p}{p^\top H p}"),
    "Armijo": (
        "eq-armijo",
        r"f(x + a p) \le f(x) + c\, a\, g^\top p, \qquad "
        r"a \in \{a_0, a_0 \rho, a_0 \rho^2, \dots\}",
    ),
    "StrongWolfe": (
        "eq-wolfe",
        r"f(x + a p) \le f(x) + c_1\, a\, g^\top p, \qquad "
        r"|g(x + a p)^\top p| \le c_2\, |g^\top p|",
    ),
}


def warm_restarts(t, value, T_0, T_mult, end):
    i, cur = 0, t - 1
    while cur >= T_0 * T_mult**i:
        cur -= T_0 * T_mult**i
        i += 1
    return end + 1 / 2 * (value - end) * (1 + cos(pi * cur / (T_0 * T_mult**i)))


def one_cycle(t, value, steps, pct_start, div_factor, final_div_factor):
    end, pT = value / (div_factor * final_div_factor), pct_start * steps
    if t <= pT:
        return value + 1 / 2 * (value / div_factor - value) * (1 + cos(pi * (t - 1) / (pT - 1)))
    return end + 1 / 2 * (value - end) * (1 + cos(pi * (min(t, steps) - pT) / (steps - pT)))


# schedule: (its LaTeX, its transcription)
SCHEDULE_EQUATIONS = {
    "Constant": (r"\eta_t = \eta", lambda t, value: value),
    "Step": (
        r"\eta_t = \eta\,\gamma^{\lfloor (t-1)/s \rfloor}",
        lambda t, value, every, factor: value * factor ** floor((t - 1) / every),
    ),
    "MultiStep": (
        r"\eta_t = \eta\,\gamma^{\#\{j :\, s_j < t\}}",
        lambda t, value, milestones, factor: (
            value * factor ** len([s_j for s_j in milestones if s_j < t])
        ),
    ),
    "Exponential": (
        r"\eta_t = \eta\,\gamma^{t-1}",
        lambda t, value, factor: value * factor ** (t - 1),
    ),
    "InverseTime": (
        r"\eta_t = \frac{\eta}{1 + (t - 1) / T}",
        lambda t, value, steps: value / (1 + (t - 1) / steps),
    ),
    "InverseSqrt": (
        r"\eta_t = \eta\,\min\!\left(\frac{t}{W},\ \sqrt{\frac{W}{t}}\right)",
        lambda t, value, warmup: value * min(t / warmup, sqrt(warmup / t)),
    ),
    "Polynomial": (
        r"\eta_t = \eta_{end} + (\eta - \eta_{end})\,(1 - \min(t - 1, T) / T)^p",
        lambda t, value, steps, power, end: (
            end + (value - end) * (1 - min(t - 1, steps) / steps) ** power
        ),
    ),
    "Linear": (
        r"\eta_t = \eta_{end} + (\eta - \eta_{end})\,(1 - \min(t - 1, T) / T)",
        lambda t, value, steps, end: end + (value - end) * (1 - min(t - 1, steps) / steps),
    ),
    "WarmRestarts": (
        r"\eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})\,"
        r"(1 + \cos(\pi\, T_{cur} / T_i)), \qquad "
        r"T_i = T_0 T_{mult}^i, \quad T_{cur} = t - 1 - \sum_{j<i} T_j",
        warm_restarts,
    ),
    "OneCycle": (
        r"\eta_t = \begin{cases} "
        r"\eta + \tfrac12 (\eta / d - \eta)\,(1 + \cos(\pi\, (t - 1) / (pT - 1))) & t \le pT \\ "
        r"\eta_{end} + \tfrac12 (\eta - \eta_{end})\, "
        r"(1 + \cos(\pi\, (\min(t, T) - pT) / (T - pT))) & t > pT "
        r"\end{cases}, \qquad \eta_{end} = \frac{\eta}{d f}",
        one_cycle,
    ),
    "WSD": (
        r"\eta_t = \begin{cases} \eta\, t / W & t \le W \\ "
        r"\eta_{end} + (\eta - \eta_{end}) \min(1, \max(T + 1 - t, 0) / D) & t > W \end{cases}",
        lambda t, value, steps, warmup, decay, end: (
            value * t / warmup
            if t <= warmup
            else end + (value - end) * min(1, max(steps + 1 - t, 0) / decay)
        ),
    ),
    "Warmup": (
        r"\eta_t = \begin{cases} \phi_1\,(a + (1 - a)\, t / W) & t \le W \\ "
        r"\phi_{t - W} & t > W \end{cases}",
        lambda t, then, steps, start: (
            then(1) * (start + (1 - start) * t / steps) if t <= steps else then(t - steps)
        ),
    ),
    "Cosine": (
        r"\eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})\,(1 + \cos(\pi \min(t - 1, T) / T))",
        lambda t, value, steps, end: (
            end + 1 / 2 * (value - end) * (1 + cos(pi * min(t - 1, steps) / steps))
        ),
    ),
}


# ------------------------------------------------------------------------- where equations stand


def folded(text):
    return " ".join(text.split())


def docstrings():
    """The docstring of every module, class, method and function of optlib, by its full name."""
    found = {}
    names = [m.name for m in pkgutil.walk_packages(optlib.__path__, "optlib.")]
    for name in ["optlib", *names]:
        try:
            module = importlib.import_module(name)
        except ImportError as error:  # an extra that is not installed
            if (error.name or "").startswith("optlib"):
                raise
            continue
        found[name] = module.__doc__ or ""
        for key, thing in vars(module).items():
            if getattr(thing, "__module__", None) == name and callable(thing):
                found[f"{name}.{key}"] = inspect.getdoc(thing) or ""
                if inspect.isclass(thing):
                    for method, code in vars(thing).items():
                        code = getattr(code, "fget", code)
                        if callable(code) and isinstance(code.__doc__, str):
                            found[f"{name}.{key}.{method}"] = code.__doc__
    return found


def chapters():
    """The Markdown of every chapter, by its name."""
    texts = {}
    for file in sorted(CHAPTERS.glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        texts[file.stem] = "\n\n".join(sources)
    return texts


# $$ ... $$ (label), or a ```{math} block with :label:
DISPLAYED = re.compile(r"\$\$(?P<tex>.+?)\$\$[ \t]*\((?P<label>[\w:.-]+)\)", re.DOTALL)
DIRECTIVE = re.compile(
    r"```\{math\}\s*:label:\s*(?P<label>[\w:.-]+)\s*\n(?P<tex>.+?)```", re.DOTALL
)


def printed():
    """All labelled equations as (label, where, LaTeX), chapters and docstrings."""
    for chapter, text in chapters().items():
        for pattern in (DISPLAYED, DIRECTIVE):
            for match in pattern.finditer(text):
                yield match["label"], f"chapter {chapter}", folded(match["tex"])
    for name, text in docstrings().items():
        blocks = re.finditer(
            r":label:\s*(?P<label>[\w:.-]+)\s*\n(?P<tex>(?:\n|[ ]{4,}.*\n)+)", text
        )
        for match in blocks:
            yield match["label"], name, folded(match["tex"])


# ----------------------------------------------------------------------------------------- tests


def subclasses(base):
    """By name: the classes of optlib that are neither the base nor a base for others."""
    found, new = {}, [base]
    while new:
        new = [sub for cls in new for sub in cls.__subclasses__()]
        found |= {cls.__name__: cls for cls in new if cls.__module__.startswith("optlib.")}
    return found


METHODS = subclasses(Minimizer)
WRAPPERS = subclasses(Wrapper)
RULES = {**OPTIMIZERS, **{cls.__name__: cls for cls in VARIANTS}}
LABELLED = {
    **EQUATIONS,
    **VARIANT_EQUATIONS,
    **WRAPPER_EQUATIONS,
    **DISTANCE_EQUATIONS,
    **ESTIMATE_EQUATIONS,
    **MATRIX_EQUATIONS,
    **METHOD_EQUATIONS,
    **SEARCH_EQUATIONS,
    "newton_schulz": ("eq-newton-schulz", NEWTON_SCHULZ),
    "debiased": ("eq-debiased", DEBIASED),
}
TRANSCRIBED = {
    **{name: row[1] for name, row in EQUATIONS.items() if not row[0].startswith("chapter:")},
    **{name: row[1] for name, row in LABELLED.items() if name not in EQUATIONS},
    **{name: row[0] for name, row in SCHEDULE_EQUATIONS.items() if name != "Constant"},
}


def test_every_class_has_its_equation_here():
    assert set(EQUATIONS) | set(SAME_FORMULA) == set(OPTIMIZERS)
    assert set(WRAPPER_EQUATIONS) == set(WRAPPERS)
    assert set(VARIANT_EQUATIONS) == {cls.__name__ for cls in VARIANTS}
    assert set(MATRIX_EQUATIONS) == set(MATRIX_OPTIMIZERS) - set(DISTANCE_EQUATIONS)
    assert set(METHOD_EQUATIONS) | NO_EQUATION == set(METHODS) - {LineMethod.__name__}
    assert set(SEARCH_EQUATIONS) | {"Fixed"} == set(subclasses(Search))
    assert set(SCHEDULE_EQUATIONS) == set(SCHEDULES)


def test_every_labelled_equation_of_a_docstring_is_transcribed_here():
    labelled = {
        place.rpartition(".")[2]: (place, tex)
        for _, place, tex in printed()
        if not place.startswith("chapter")
    }
    wrong = [
        f"{place}: {tex}"
        for name, (place, tex) in labelled.items()
        if folded(TRANSCRIBED.get(name, "")) != tex
    ]
    assert not wrong, "not transcribed in test_equations.py, or otherwise:\n" + "\n".join(wrong)
    assert set(TRANSCRIBED) == set(labelled)


@pytest.mark.parametrize("name", LABELLED)
def test_the_equation_stands_where_the_reader_sees_it(name):
    where, tex, *_ = LABELLED[name]
    label = where.removeprefix("chapter:")
    places = [(place, text) for other, place, text in printed() if other == label]
    assert places, f"no chapter and no docstring has an equation labelled {label}"
    ((place, text),) = places
    if where == label:
        assert place.endswith(f".{name}")
        assert text == folded(tex)
    else:
        assert place.startswith("chapter")
        assert folded(tex) in text
        assert folded(tex) in folded(OPTIMIZERS[name].__doc__)


@pytest.mark.parametrize("name", SCHEDULE_EQUATIONS)
def test_the_equation_of_a_schedule_stands_in_its_docstring(name):
    assert folded(SCHEDULE_EQUATIONS[name][0]) in folded(SCHEDULES[name].__doc__)


def numbers(cls):
    """Constant defaults, other constants, and numbers that change with t; no zeros in these."""
    yield dict(cls.defaults)
    yield {
        key: 1 - (1.7 + i / 5) * (1 - v) if 0.4 < v < 1 else 3 * v or 0.1
        for i, (key, v) in enumerate(cls.defaults.items())
    }
    yield {key: lambda t, v=v or 0.2: v * (1 - 0.02 * (t % 5)) for key, v in cls.defaults.items()}


@pytest.mark.parametrize("name", [*EQUATIONS, *VARIANT_EQUATIONS])
def test_the_class_computes_its_equation(name):
    cls, (_, _, transcription, symbols) = RULES[name], LABELLED[name]
    assert set(symbols.values()) == set(cls.defaults)
    rng = np.random.default_rng(11)
    gs = rng.standard_normal((60, 5)) * 10 ** rng.uniform(-3, 1, 5)
    gs[rng.random(gs.shape) < 0.1] = 0.0
    gs[:, 3] = np.abs(gs[:, 3]) * (-1.0) ** np.arange(60)
    start = rng.standard_normal(5)
    for hyper in numbers(cls):
        opt = cls(start.copy(), **hyper)
        path = np.array([opt.step(g).copy() for g in gs])
        of_t = {
            symbol: value if callable(value) else lambda t, value=value: value
            for symbol, value in ((s, hyper[key]) for s, key in symbols.items())
        }
        for i in range(5):
            theta = [float(start[i])]
            transcription(theta, [None, *map(float, gs[:, i])], **of_t)
            np.testing.assert_allclose(path[:, i], theta[1:], rtol=0, atol=1e-12)
        assert (path != start).any(axis=0).all()


@pytest.mark.parametrize("name", WRAPPER_EQUATIONS)
def test_the_wrapper_computes_its_equation(name):
    _, _, transcription, returned, symbols = WRAPPER_EQUATIONS[name]
    given = dict(symbols.values())
    rng = np.random.default_rng(4)
    gs = rng.standard_normal(30)
    opt = WRAPPERS[name].of(Momentum)(np.array([1.5]), **{"lr": 0.1, "beta": 0.7, **given})
    path = [1.5]
    for g in gs:
        opt.step([g])
        path.append(float((opt.x if returned == "x" else opt.state[returned])[0]))
    m = [0.0]

    def step(theta, g):
        m.append(0.7 * m[-1] + g)
        return theta - 0.1 * m[-1]

    values = {symbol: value for symbol, (_, value) in symbols.items()}
    wanted = transcription([1.5], [None, *gs], step, **values)
    np.testing.assert_allclose(path, wanted, rtol=0, atol=1e-12)


def test_the_schedule_that_takes_the_bias_out_computes_its_equation():
    for beta in (0.3, 0.999):
        for t in range(1, 50):
            wanted = beta * (1 - beta ** (t - 1)) / (1 - beta**t)
            np.testing.assert_allclose(averaging.debiased(beta)(t), wanted, rtol=1e-13)


@pytest.mark.parametrize("name", DISTANCE_EQUATIONS)
def test_the_estimate_of_the_distance_computes_its_equation(name):
    cls, (_, _, transcription, symbols) = vars(distance)[name], DISTANCE_EQUATIONS[name]
    assert set(symbols.values()) == set(cls.defaults)
    rng = np.random.default_rng(8)
    noise, start = 0.3 * rng.standard_normal((60, 5)), rng.standard_normal(5)
    goal = np.array([9.0, -4, 0, 2, 5])
    for hyper in numbers(cls):
        hyper = {**hyper, "d0": 1e-2}
        opt, path, gs = cls(start.copy(), **hyper), [], []
        for n in noise:
            gs.append(np.tanh(opt.x - goal) + n)
            path.append(opt.step(gs[-1]).copy())
        of_t = {
            symbol: value if callable(value) else lambda t, value=value: value
            for symbol, value in ((s, hyper[key]) for s, key in symbols.items())
        }
        theta = [start]
        transcription(theta, [None, *gs], **of_t)
        assert opt.state["d"] > 2e-2  # it has grown
        assert np.abs(path).max() < 100
        np.testing.assert_allclose(path, theta[1:], rtol=1e-12, atol=1e-12)


def test_the_estimates_of_a_gradient_compute_their_equations():
    rng = np.random.default_rng(6)
    theta, problem = np.array([0.3, -0.8, 0.5]), Sample()
    f, grad = problem.f, problem.grad
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
    for g in (rng.standard_normal(4), 9 * rng.standard_normal((3, 2))):
        for c in (0.5, 3.0):
            close(estimate.clip_norm(g, c), min(1, c / length(g)) * g)
            wanted = [max(-c, min(c, g_i)) for g_i in g.ravel()]
            close(estimate.clip_value(g, c).ravel(), wanted)
    for rho in (0.05, 2.0):
        worst = theta + rho * grad(theta) / length(grad(theta))
        close(estimate.sharpness_aware(grad, rho)(theta), grad(worst))
    accumulate, g, w = estimate.Accumulate(3), rng.standard_normal((3, 5)), [4, 1, 2.5]
    for i in range(3):
        ours = accumulate(g[i], weight=w[i])
    close(ours, sum(w[i] * g[i] for i in range(3)) / sum(w))
    h = 2.0**-10
    e = np.eye(3)
    central = [(f(theta + h * e[i]) - f(theta - h * e[i])) / (2 * h) for i in range(3)]
    forward = [(f(theta + h * e[i]) - f(theta)) / h for i in range(3)]
    # what a difference quotient computes is known to the rounding of f over h, about 1e-12
    close(estimate.finite_difference(f, h)(theta), central, atol=1e-11)
    close(estimate.finite_difference(f, h, central=False)(theta), forward, atol=1e-11)
    ours = estimate.random_direction(f, h, np.random.default_rng(7))(theta)
    u = np.random.default_rng(7).standard_normal(3)
    close(ours, (f(theta + h * u) - f(theta)) / h * u)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 6)])
@pytest.mark.parametrize("name", MATRIX_EQUATIONS)
def test_the_rule_for_matrices_computes_its_equation(name, shape):
    cls, (_, _, transcription, names) = MATRIX_OPTIMIZERS[name], MATRIX_EQUATIONS[name]
    assert list(names) == list(cls.defaults)
    if name == "SOAP":
        shape = (4, 4)  # the eigenvectors of eigenvalue 0 are not unique
    rng = np.random.default_rng(11)
    gs = rng.standard_normal((60, *shape)) * 10 ** rng.uniform(-1, 1, shape)
    gs[rng.random(gs.shape) < 0.1] = 0.0
    start = rng.standard_normal(shape)
    fast = {**cls.defaults, "lr": 0.15}  # more than Adafactor's 1 / sqrt t of the last steps
    for hyper in [*numbers(cls), fast]:
        if name == "SOAP":
            hyper["eps"] = 1e-3  # much above the rounding of the first step's zeros
        opt, theta = cls(start.copy(), **hyper), start
        memory = [value.copy() for value in opt.state.values()]
        for t, g in enumerate(gs, 1):
            values = [h(t) if callable(h := hyper[key]) else h for key in names]
            theta, *memory = transcription(t, theta, g, *memory, *values)
            np.testing.assert_allclose(opt.step(g), theta, rtol=0, atol=1e-12)
        assert (opt.x != start).all()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize(("steps", "coefficients"), [(5, QUINTIC), (1, CUBIC), (9, CUBIC)])
def test_newton_schulz_computes_its_equation(shape, steps, coefficients):
    a, b, c = coefficients
    G = np.random.default_rng(2).standard_normal(shape)
    for eps in (1e-7, 20.0):
        X = G / max(np.sqrt((G**2).sum()), eps)
        for _ in range(steps):
            X = a * X + b * (X @ X.T) @ X + c * (X @ X.T) @ (X @ X.T) @ X
        ours = newton_schulz(G, steps=steps, coefficients=coefficients, eps=eps)
        np.testing.assert_allclose(ours, X, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", METHOD_EQUATIONS)
def test_the_method_computes_its_equation(name):
    cls, (_, _, transcription, symbols, problem, runs) = METHODS[name], METHOD_EQUATIONS[name]
    for hyper in runs:
        method = cls(problem, **hyper)
        values = {symbol: method.hyper[key] for symbol, key in symbols.items()}
        values |= {s: search.length for s, search in values.items() if isinstance(search, Fixed)}
        x = [method.x]
        for _ in range(3 if name == "LinearCG" else 8):
            wanted = transcription(problem, x, **values)
            x.append(method.step())
            np.testing.assert_allclose(x[-1], wanted, rtol=0, atol=1e-12)
        assert np.linalg.norm(x[-1] - x[0]) > 0.1


@pytest.mark.parametrize("name", ["TrustRegion", "LevenbergMarquardt"])
def test_a_step_was_refused_where_the_equation_was_compared(name):
    _, _, _, _, problem, (hyper, *_) = METHOD_EQUATIONS[name]
    method = METHODS[name](problem, **hyper)
    x = [method.x, *(method.step() for _ in range(8))]
    assert 0 < sum(np.array_equal(x[t], x[t + 1]) for t in range(8)) < 8


def lines():
    """Lines that descend: f, gradient, Hessian, point and direction, and the Line of these."""
    rng = np.random.default_rng(3)
    for problem in (Sample(), Rosenbrock()):
        for _ in range(10):
            x, p = rng.standard_normal((2, problem.dim))
            p = -p * np.sign(p @ problem.grad(x))
            yield problem.f, problem.grad, problem.hess, x, p, Point(problem, x, Counter())


def test_the_exact_search_computes_its_equation():
    for _, grad, hess, x, p, at in lines():
        if p @ hess(x) @ p > 0:
            a = -(grad(x) @ p) / (p @ hess(x) @ p)
            np.testing.assert_allclose(Exact()(Line(at, p)), a, rtol=1e-12)


@pytest.mark.parametrize(("c", "rho", "a_0"), [(1e-4, 0.5, 1.0), (0.4, 0.8, 3.0), (0.9, 0.3, 0.1)])
def test_the_armijo_search_computes_its_equation(c, rho, a_0):
    for f, grad, _, x, p, at in lines():
        a = a_0
        while not f(x + a * p) <= f(x) + c * a * (grad(x) @ p):
            a = a * rho
        ours = Armijo(c=c, shrink=rho, first=a_0)(Line(at, p))
        np.testing.assert_allclose(ours, a, rtol=1e-12)


@pytest.mark.parametrize(("c_1", "c_2"), [(1e-4, 0.9), (1e-4, 0.1), (0.3, 0.5)])
def test_the_strong_wolfe_search_accepts_a_trial_exactly_where_its_equation_holds(c_1, c_2):
    seen = Counter()
    for f, grad, _, x, p, at in lines():
        for a in np.geomspace(1e-4, 10, 60):
            first = f(x + a * p) <= f(x) + c_1 * a * (grad(x) @ p)
            second = abs(grad(x + a * p) @ p) <= c_2 * abs(grad(x) @ p)
            found = StrongWolfe(c1=c_1, c2=c_2, first=a)(Line(at, p))
            assert (found == a) == (first and second)
            seen[bool(first), bool(second)] += 1
    assert min(seen[case] for case in itertools.product([True, False], repeat=2)) > 0


@pytest.mark.parametrize("name", SAME_FORMULA)
def test_a_class_without_an_equation_has_no_formula_of_its_own(name):
    cls, parent = OPTIMIZERS[name], OPTIMIZERS[SAME_FORMULA[name]]
    assert issubclass(cls, parent)
    for part in ("update", "memory", "defaults", "step", "advance"):
        assert part not in vars(cls)
    assert f":class:`{parent.__name__}`" in cls.__doc__


@pytest.mark.parametrize("name", SCHEDULE_EQUATIONS)
def test_the_schedule_computes_its_equation(name):
    cls, (_, transcription) = SCHEDULES[name], SCHEDULE_EQUATIONS[name]
    usual = dict(value=0.3, every=7, factor=0.6, steps=40, end=0.05, milestones=[1, 7, 30])
    usual |= dict(power=1.7, T_0=5, T_mult=2, pct_start=0.28, div_factor=7.0, final_div_factor=90.0)
    usual |= dict(warmup=6, decay=11, then=lambda t: 0.3 / t, start=0.2)
    for draw in [usual, {**usual, "T_mult": 1, "warmup": 1, "decay": 1, "start": 0.0}]:
        arguments = {key: draw[key] for key in cls.defaults}
        schedule = cls(**arguments)
        for t in range(1, 120):
            np.testing.assert_allclose(schedule(t), transcription(t, **arguments), rtol=1e-13)


def test_no_label_is_used_twice():
    places = {}
    for label, place, _ in printed():
        places.setdefault(label, []).append(place)
    assert {label: p for label, p in places.items() if len(p) > 1} == {}


def test_every_label_that_is_named_exists():
    labels = {label for label, *_ in printed()}
    named = {}
    for name, text in docstrings().items():
        for label in re.findall(r":eq:`([^`]+)`", text):
            named.setdefault(label, []).append(name)
    for chapter, text in chapters().items():
        for label in re.findall(r"\{eq\}`([^`]+)`", text):
            named.setdefault(label, []).append(f"chapter {chapter}")
    assert "eq-gd" in named
    assert {label: by for label, by in named.items() if label not in labels} == {}


def test_a_chapters_equation_and_its_class_name_each_other():
    classes = {**OPTIMIZERS, **MATRIX_OPTIMIZERS, **METHODS, **PROBLEMS, **SCHEDULES}
    owners = {f"eq-{name.lower()}": cls for name, cls in classes.items()}
    in_chapters = {label for label, place, _ in printed() if place.startswith("chapter")}
    for label in in_chapters:  # eq-classical-momentum belongs to ClassicalMomentum
        owner = owners.get("eq-" + label.removeprefix("eq-").replace("-", ""))
        assert owner is None or f":eq:`{label}`" in owner.__doc__, (
            f"a chapter prints {label}, so the docstring of {owner.__name__} must name it"
        )
    assert {where.split(":")[1] for where, *_ in EQUATIONS.values() if ":" in where} <= in_chapters
