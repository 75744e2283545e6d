"""What does the memory of a recurrent network depend on, and does a small CNN need its own rule?

Run once, and again when a rule changes; a few minutes:
python tools/results_architectures.py

It writes optlib/results/architectures.json, from which the chapter on architectures draws. Four
tables, each for ten seeds, which draw the weights; the minibatches are the same for all seeds, and
the learning rate is constant. Recurrent networks compute in float32.

- ``recall``: 32 tanh units remember one bit over 40 steps, 600 steps of training with batches of
  64. Four starts of the recurrent matrix, four rules, three rates for each: how many seeds then
  answer more than 90 % of 500 test sequences.
- ``cut``: the first task once more with Adam, clipped, at one rate, where the gradient goes back so
  many steps only; with 0 only the read-out is trained.
- ``gates``: the first task with gated cells and Adam, clipped, at three rates.
- ``digits``: a small CNN and a dense network of its size on the digits, 400 steps of 64: accuracies
  on the test digits. The rate is chosen by the training loss, never by the test.

All seeds of a cell are copies side by side. Names of tables after the command make these anew.
``tests/test_results_architectures.py`` runs a cheap part again.
"""

import functools
import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optlib import SGD, Adam, Momentum, data, initialisers, losses, nn, tasks, training  # noqa: E402
from optlib.autodiff import Tensor, linear  # noqa: E402

OUT = ROOT / "optlib" / "results" / "architectures.json"
SEEDS = list(range(10))
REMEMBERS = 0.9
SLOW, FAST = [0.1, 1.0, 3.0], [0.003, 0.01, 0.03]
STARTS = {
    "gain 0.5": functools.partial(initialisers.lecun, gain=0.5),
    "gain 1": initialisers.lecun,
    "orthogonal": initialisers.orthogonal,
    "gain 1.5": functools.partial(initialisers.lecun, gain=1.5),
}
RULES = {  # the rule, where clipped, and its rates
    "SGD": (SGD, None, SLOW),
    "SGD, clipped": (SGD, 1.0, SLOW),
    "Adam": (Adam, None, FAST),
    "Adam, clipped": (Adam, 1.0, FAST),
}
CUTS, CUT_RATE = [0, 5, 10, 20, 30, 40], 0.01
DIGIT_NETS = {
    "CNN": dict(image=(8, 8, 1), channels=[8], sizes=[10]),
    "dense 18": [64, 18, 10],
}
DIGIT_RULES = {
    "SGD": (SGD, [0.03, 0.1, 0.3, 1.0, 3.0]),
    "Momentum": (Momentum, [0.003, 0.01, 0.03, 0.1, 0.3]),
    "Adam": (Adam, [0.001, 0.003, 0.01, 0.03, 0.1]),
}


def remember(delay, settings, rule, lr, clip, seeds=SEEDS, steps=600):
    """The accuracy of each seed on 500 test sequences, and at which step it was lost (or inf)."""
    model = nn.RNN(
        1, 32, 2, last=True, rng=list(seeds), copies=len(seeds), dtype="float32", **settings
    )
    task = tasks.recall(0, delay=delay)._replace(model=model)
    try:
        history = task.fit(
            rule(model.params.x, lr=lr), steps=steps, clip=clip, every=steps, progress=False
        )
    except training.Diverged as error:
        return np.full(len(seeds), 0.5), error.history.diverged
    return history.validation["accuracy"][-1], history.diverged


def recall_cell(start, rule, seeds=SEEDS):
    """A row of numbers for each rate: the accuracies of the seeds."""
    kind, clip, rates = RULES[rule]
    settings = dict(init=STARTS[start])
    return [remember(40, settings, kind, lr, clip, seeds)[0] for lr in rates]


def digits_run(net, rule, lr, seeds=SEEDS, steps=400):
    """Training losses and test accuracies of each seed."""
    table, how = data.digits(), DIGIT_NETS[net]
    common = dict(rng=list(seeds), copies=len(seeds))
    model = nn.MLP(how, **common) if isinstance(how, list) else nn.ConvNet(**how, **common)
    X = (table.X / 16).reshape(-1, *((64,) if isinstance(how, list) else (8, 8, 1)))
    train, test = data.split(0, X, table.y, parts=(0.7, 0.3), classes=table.y)
    optimizer = DIGIT_RULES[rule][0](model.params.x, lr=lr)
    try:
        history = training.fit(
            model, losses.cross_entropy, train, optimizer, steps=steps, batch=64, every=steps,
            validation=test, metrics=dict(accuracy=training.accuracy), progress=False,
        )  # fmt: skip
    except training.Diverged:
        return np.full(len(seeds), np.inf), np.full(len(seeds), 0.1)
    loss, right = history.train["loss"][-1], history.validation["accuracy"][-1]
    return np.where(np.isinf(history.diverged), loss, np.inf), right


class Cut(nn.RNN):
    """The gradient goes back ``back`` steps: the state before them is given as plain numbers."""

    back = 40

    def __call__(self, X, state=None, trace=None):
        first = len(X) - self.back
        if first > 0 and state is None:
            state = super().__call__(X[:first])[1].data
            X = X[first:]
        if not self.back:
            return linear(Tensor(state), self.params["out.W"], self.params["out.b"]), state
        return super().__call__(X, state, trace)


def cut_run(start, back, seeds=SEEDS):
    """The accuracies of the seeds where the gradient goes back so many steps."""
    model = Cut(
        1, 32, 2, last=True, init=STARTS[start], rng=list(seeds), copies=len(seeds),
        dtype="float32",
    )  # fmt: skip
    model.back = back
    task = tasks.recall(0, delay=40)._replace(model=model)
    history = task.fit(
        Adam(model.params.x, lr=CUT_RATE), steps=600, clip=1.0, every=600, progress=False
    )
    return history.validation["accuracy"][-1]


def rounded(values, digits=4):
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values]


def digits_table(keep):
    for net in DIGIT_NETS:
        for rule, (_, rates) in DIGIT_RULES.items():
            runs = [digits_run(net, rule, lr) for lr in rates]
            tried = [float(loss.mean()) for loss, _ in runs]
            best = int(np.argmin(tried))
            keep(net=net, rule=rule, lr=rates[best], tried=rounded(tried),
                 accuracy=rounded(runs[best][1]))  # fmt: skip


def recall_table(keep):
    for start in STARTS:
        for rule, (_, _, rates) in RULES.items():
            keep(start=start, rule=rule, lr=rates, **memory(recall_cell(start, rule)))


def cut_table(keep):
    for start in ("gain 0.5", "orthogonal"):
        keep(start=start, back=CUTS, **memory([cut_run(start, back) for back in CUTS]))


def gates_table(keep):
    kind, clip, rates = RULES["Adam, clipped"]
    for cell in ("gru", "lstm"):
        runs = [remember(40, dict(cell=cell), kind, lr, clip)[0] for lr in rates]
        keep(cell=cell, lr=rates, **memory(runs))


def memory(right):
    return dict(
        accuracy=[rounded(r) for r in right], remember=[int((r > REMEMBERS).sum()) for r in right]
    )


TABLES = dict(recall=recall_table, cut=cut_table, gates=gates_table, digits=digits_table)


def main(names):
    began = time.process_time()
    found = json.loads(OUT.read_text("utf-8")) if OUT.is_file() else {}
    for name in names or TABLES:
        found[name] = []

        def keep(rows=found[name], name=name, **entry):
            rows.append(entry)
            print(f"{time.process_time() - began:6.0f} s  {name} {json.dumps(entry)}", flush=True)

        TABLES[name](keep)
        parts = [
            f'"{name}": [\n' + ",\n".join(map(json.dumps, found[name])) + "\n]"
            for name in TABLES
            if name in found
        ]
        OUT.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
