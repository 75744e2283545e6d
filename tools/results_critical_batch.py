"""Steps to a target loss against the batch size, each batch with its best learning rate.

    python tools/results_critical_batch.py      # writes optlib/results/critical_batch.json

The network and the data are those of the chapter on stochastic gradient descent: digits, 32 hidden
units. For each batch size, all learning rates of a grid are trained side by side from the same
start and on the same batches, until the loss over all training data is at the target. The best rate
has the lowest median over the tuning seeds; what is stored are its steps on other seeds, so that
the choice has no part in the result. A seed draws the start and the order of the examples.
"""

import itertools
import json

import numpy as np
from environment import ROOT

from optlib import GD, data, losses, nn, tasks

FILE = ROOT / "optlib/results/critical_batch.json"
SIZES = (64, 32, 10)
TARGET = 0.3
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1257)
RATES = [float(f"{0.01 * 2 ** (k / 2):.2g}") for k in range(17)]  # 0.01 to 2.6
TUNING, REPORTED = range(5), range(10, 20)
MOST = 5000  # steps


def steps_to_target(batch, rates, seed):
    """Steps of each rate until the training loss is at the target; inf for those that do not come.

    The loss is measured every step at first and then at every 50th part of the way. The run ends at
    three times the steps of the fastest rate.
    """
    images, labels = tasks.digits_mlp(0, sizes=SIZES).train
    model = nn.MLP(SIZES, rng=seed, dtype="float32", copies=len(rates))
    opt = GD(model.params.x, lr=np.array(rates, "float32")[:, None])
    steps, rng = np.full(len(rates), np.inf), np.random.default_rng(seed)
    batches = itertools.chain.from_iterable(
        data.minibatches(rng, images, labels, size=batch, partial=False) for _ in itertools.count()
    )
    with np.errstate(all="ignore"):  # rates that are too large run away
        for step, (X, y) in enumerate(batches, 1):
            model.zero_grad()
            losses.cross_entropy(model(X), y).sum().backward()
            opt.advance(model.params.g)
            if step % max(1, step // 50) == 0:
                loss = losses.cross_entropy(model(images), labels).data
                steps[(loss <= TARGET) & np.isinf(steps)] = step
            if np.isfinite(steps).all() or step >= min(3 * steps.min(), MOST):
                return steps


def tuned(batch):
    """The best rate of the grid for this batch size, and its median steps on the tuning seeds."""
    medians = np.median([steps_to_target(batch, RATES, seed) for seed in TUNING], axis=0)
    return RATES[int(medians.argmin())], float(medians.min())


def main():
    rows = []
    for batch in BATCHES:
        rate, _ = tuned(batch)
        steps = [float(steps_to_target(batch, [rate], seed)[0]) for seed in REPORTED]
        rows.append({"batch": batch, "lr": rate, "steps": steps})
        print(f"B = {batch}: lr {rate}, {np.median(steps):g} steps, of {min(steps):g}", end=" ")
        print(f"to {max(steps):g}", flush=True)
    result = {"target": TARGET, "rates": RATES, "rows": rows}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
