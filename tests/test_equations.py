r"""The printed equation, typed out a second time, against the class that claims it.

``EQUATIONS`` holds for every optimizer and schedule the LaTeX that its reader sees, and the same
equation as plain Python on single numbers, written from the LaTeX and from nothing else. One test
asserts that this LaTeX stands where the reader sees it (docstring, or chapter for a label
``chapter:...``), another that both compute the same numbers. So equation, transcription and class
can only change together.
"""

import importlib
import inspect
import json
import pkgutil
import re
from math import cos, floor, pi, sqrt
from pathlib import Path

import numpy as np
import pytest

import optlib
from optlib import OPTIMIZERS, PROBLEMS, SCHEDULES

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
        r"\mu_t &= \beta_1 (1 - \tfrac12\, 0.96^{t \psi}), \qquad p_t = \mu_t\, p_{t-1} \\ "
        r"m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\ "
        r"v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\ "
        r"\theta_t &= \theta_{t-1} - \eta\, "
        r"\frac{(1 - \mu_t)\, g_t / (1 - p_t) + \mu_{t+1}\, m_t / (1 - \mu_{t+1}\, p_t)} "
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


def test_every_optimizer_and_schedule_has_its_equation_here():
    assert set(EQUATIONS) | set(SAME_FORMULA) == set(OPTIMIZERS)
    assert set(SCHEDULE_EQUATIONS) == set(SCHEDULES)


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_equation_stands_where_the_reader_sees_it(name):
    where, tex, *_ = EQUATIONS[name]
    assert folded(tex) in folded(OPTIMIZERS[name].__doc__)
    label = where.removeprefix("chapter:")
    places = [(place, text) for other, place, text in printed() if other == label]
    assert places, f"no chapter and no docstring has an equation labelled {label}"
    ((place, text),) = places
    assert place.startswith("chapter") == where.startswith("chapter:")
    assert text == folded(tex) or (place.startswith("chapter") and folded(tex) in text)


@pytest.mark.parametrize("name", SCHEDULE_EQUATIONS)
def test_the_equation_of_a_schedule_stands_in_its_docstring(name):
    assert folded(SCHEDULE_EQUATIONS[name][0]) in folded(SCHEDULES[name].__doc__)


def numbers(cls):
    """Constant defaults, other constants, and numbers that change with t."""
    yield dict(cls.defaults)
    yield {k: 1 - 1.7 * (1 - v) if 0.4 < v < 1 else 3 * v for k, v in cls.defaults.items()}
    yield {k: lambda t, v=v: v * (1 - 0.02 * (t % 5)) for k, v in cls.defaults.items()}


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_class_computes_its_equation(name):
    cls, (_, _, transcription, symbols) = OPTIMIZERS[name], EQUATIONS[name]
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
    classes = {**OPTIMIZERS, **PROBLEMS, **SCHEDULES}
    owners = {f"eq-{name.lower()}": cls for name, cls in classes.items()}
    in_chapters = {label for label, place, _ in printed() if place.startswith("chapter")}
    for label in in_chapters:  # eq-classical-momentum belongs to ClassicalMomentum
        owner = owners.get("eq-" + label.removeprefix("eq-").replace("-", ""))
        assert owner is None or f":eq:`{label}`" in owner.__doc__, (
            f"a chapter prints {label}, so the docstring of {owner.__name__} must name it"
        )
    assert {where.split(":")[1] for where, *_ in EQUATIONS.values() if ":" in where} <= in_chapters
