"""What the chapter on tuning reads: how a result depends on the rate, and on the luck of a search.

    python tools/results_tuning.py      # some minutes; writes optlib/results/tuning.json

The network and the digits are those of tools/results_optimizer.py, 500 steps, batches of 32, a
constant rate, but the images that train the network are cut once more: 1005 to train on, 252 to
choose by, and the same 540 to report on. All settings of a search are trained side by side, from
one start and on the same batches; a seed draws both.

rates: eight rules at 33 rates, four in each decade, for thirteen seeds.
pools: 256 settings drawn at random from a space, as a random search draws them, each trained
with five seeds.
game: what a random search reaches on the three problems of the lab "Tuning budget game".

A loss is None for a run that was lost. ``tests/test_results_tuning.py`` runs a cheap part again.
"""

import json

import numpy as np
from environment import ROOT

import optlib
from optlib import data, losses, nn, training, tuning_game

FILE = ROOT / "optlib/results/tuning.json"
SIZES, STEPS, BATCH = (64, 32, 32, 10), 500, 32
RULES = ("SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam", "Lion")
RATES = [float(f"{rate:.3g}") for rate in 10 ** np.arange(-6, 2.1, 0.25)]
SEEDS = (*range(3), *range(10, 20))
DRAWS, POOL_SEEDS = 256, range(5)
# name: the rule, and for each hyperparameter what is drawn from it: lowest, highest, kind. All
# are drawn evenly on a logarithmic axis; "1 -" draws the distance from 1.
POOLS = {
    "SGD": ("SGD", dict(lr=(1e-4, 1e1, "log"))),
    "Momentum": ("Momentum", dict(lr=(1e-5, 1e0, "log"), beta=(1e-3, 1.0, "1 -"))),
    "Adam, rate": ("Adam", dict(lr=(1e-6, 1e-1, "log"))),
    "Adam, all four": (
        "Adam",
        dict(
            lr=(1e-6, 1e2, "log"), beta1=(1e-3, 1.0, "1 -"), beta2=(1e-4, 1.0, "1 -"),
            eps=(1e-10, 1e2, "log"),
        ),
    ),
}  # fmt: skip
GAME_DRAWS = 20_000


def digits():
    """(X, y) three times: to train on, to choose by, to report on."""
    d = data.digits()
    train, test = data.split(0, d.X / 16, d.y, parts=(0.7, 0.3), classes=d.y)
    return *data.split(0, *train, parts=(0.8, 0.2), classes=train[1]), test


def ends(name, seed, parts, steps=STEPS, **settings):
    """Loss on the second part and right answers on the third, of one run for each setting."""
    train, choose, test = parts
    columns = {key: np.asarray(v, float)[:, None] for key, v in settings.items()}
    copies = len(next(iter(columns.values())))
    model = nn.MLP(SIZES, rng=[seed] * copies, copies=copies)
    optimizer = getattr(optlib, name)(model.params.x, **columns)
    try:
        diverged = training.fit(
            model, losses.cross_entropy, train, optimizer, steps=steps, batch=BATCH, rng=seed,
            progress=False,
        ).diverged  # fmt: skip
    except training.Diverged as error:
        diverged = error.history.diverged
    with np.errstate(all="ignore"):
        loss = losses.cross_entropy(model(choose[0]), choose[1]).data
        right = training.accuracy(model(test[0]), test[1]) * len(test[1])
    lost = np.isfinite(diverged) | ~np.isfinite(loss)
    kept = [None if gone else float(f"{v:.3g}") for v, gone in zip(loss, lost)]
    return kept, [int(round(float(r))) for r in right]


def drawn(space, rng, n):
    """n settings from a space, rounded so that they can be read."""
    found = {}
    for key, (low, high, kind) in space.items():
        value = np.exp(rng.uniform(np.log(low), np.log(high), n))
        value = 1 - value if kind == "1 -" else value
        found[key] = [float(f"{v:.6g}") for v in value]
    return found


def sweep(seeds=SEEDS, rules=RULES):
    parts, found = digits(), {}
    for name in rules:
        runs = [ends(name, seed, parts, lr=RATES) for seed in seeds]
        found[name] = {"loss": [a for a, _ in runs], "right": [b for _, b in runs]}
        print(name, flush=True)
    return found


def pool(name, seeds=POOL_SEEDS, draws=DRAWS):
    rule, space = POOLS[name]
    settings = drawn(space, np.random.default_rng(0), DRAWS)
    settings = {key: values[:draws] for key, values in settings.items()}
    parts = digits()
    return [ends(rule, seed, parts, **settings)[0] for seed in seeds]


def band(problem, scale, draws=GAME_DRAWS):
    """The best loss of k = 1, ..., 20 draws: its 10th, 50th and 90th percent.

    The best of k is below x unless all k are above: its share p is F(x) = 1 - (1 - p)^(1/k).
    """
    rng = np.random.default_rng(0)
    f = np.sort(tuning_game.random_ends(problem, scale, rng, draws))
    rows = []
    for k in range(1, tuning_game.BUDGET + 1):
        at = [f[int(len(f) * (1 - (1 - q) ** (1 / k)))] for q in (0.1, 0.5, 0.9)]
        rows.append([float(f"{v:.3g}") if np.isfinite(v) else None for v in at])
    return rows


def game():
    return {
        name: {scale: band(name, scale) for scale in tuning_game.SCALES}
        for name in tuning_game.PROBLEMS
    }


def main():
    found = {"rates": sweep()}
    found["pools"] = {name: pool(name) for name in POOLS}
    found["game"] = game()
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
