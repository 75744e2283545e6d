"""From records to the next blocks, to the choices, and at last to the results: no state beside the
files. Tuning comes first, then the ranges whose edge was best, then the reported seeds.
"""

import json
import math
import platform

import numpy as np

import optlib
from optlib.benchmark import records, trials
from optlib.benchmark.records import Block

CHECKPOINTS = (0.25, 0.5, 0.75, 1.0)


class Plan:
    """What a protocol asks for, of these problems, and what of it is there."""

    def __init__(self, protocol, store, only=None):
        unknown = set(only or ()) - protocol["problems"].keys()
        if unknown:
            raise ValueError(
                f"--only {sorted(unknown)[0]}: there is no such problem; there are "
                f"{', '.join(protocol['problems'])}"
            )
        self.protocol, self.store = protocol, store
        self.names = list(protocol["optimizers"])
        self.problems = [p for p in protocol["problems"] if not only or p in only]
        self.budgets, self.seeds = protocol["budget"]["trials"], protocol["seeds"]

    def steps(self, problem):
        return self.protocol["problems"][problem]["steps"]

    def looks(self, problem):
        return trials.look_steps(self.steps(problem), self.protocol["budget"]["evaluations"])

    def enters(self, problem, name):
        return trials.enters(self.protocol["optimizers"][name], problem)

    def cells(self):
        """Every problem with every optimizer that takes part in it."""
        return [(p, n) for p in self.problems for n in self.names if self.enters(p, n)]

    def tune(self, shift):
        return f"tune{shift:+d}"

    def settings(self, problem, name, stage):
        """Those of a block; in the report, the default comes first."""
        if stage != "report":
            return trials.settings(self.protocol, problem, name, int(stage.removeprefix("tune")))
        several = trials.settings(self.protocol, problem, name, self.tuned(problem, name)[0])
        base = trials.default(self.protocol["optimizers"][name])
        return [base, *(several[k] for k in self.reported(problem, name))]

    def tuned(self, problem, name):
        """(shift, its records), as soon as no better range is asked for; otherwise (shift, None).

        The range moves towards an edge on which the best rate lies, never back.
        """
        search, visited = self.protocol["search"], [0]
        while True:
            shift = visited[-1]
            found = self.store.all(problem, name, self.tune(shift), self.seeds["tuning"])
            if found is None or len(visited) > search["shifts"]:
                return shift, found
            mean = np.mean([record["curve"][-1] for record in found], axis=0)
            if not np.isfinite(mean).any():
                return shift, found
            several = trials.settings(self.protocol, problem, name, shift)
            low, high = self.protocol["optimizers"][name]["lr"]
            place = math.log10(several[mean.argmin()]["lr"] / low) - shift
            share = place / math.log10(high / low)
            move = (share > 1 - search["edge"]) - (share < search["edge"])
            if not move or shift + move * search["shift"] in visited:
                return shift, found
            visited.append(shift + move * search["shift"])

    def target(self, problem):
        """The validation loss to reach; None as long as the baseline is not tuned."""
        budget = self.protocol["budget"]
        _, found = self.tuned(problem, budget["baseline"])
        if found is None:
            return None
        mean = np.mean([record["curve"] for record in found], axis=0)
        return mean[round(budget["target"] * len(mean)) - 1, mean[-1].argmin()]

    def times(self, problem, curves):
        """Steps to the target of curves (..., evaluations, K); inf where it is missed."""
        there = np.asarray(curves) <= self.target(problem)
        steps = np.array(self.looks(problem), float)
        return np.where(there.any(-2), steps[there.argmax(-2)], np.inf)

    def choices(self, problem, name):
        """Trials (budgets, 2) with the least mean time and the least mean loss; -1: the default.

        Equal times, also those that are inf, are told apart by the loss.
        """
        _, found = self.tuned(problem, name)
        curves = np.array([record["curve"] for record in found])
        loss = curves[:, -1].mean(0)
        time = self.times(problem, curves).mean(0)
        best = [(np.lexsort((loss[:k], time[:k]))[0], loss[:k].argmin()) for k in self.budgets[1:]]
        return np.array([(-1, -1), *best])

    def reported(self, problem, name):
        """The trials that are run on the reporting seeds, each once."""
        return sorted(set(self.choices(problem, name).ravel().tolist()) - {-1})

    def todo(self):
        """All blocks that are missing and can be run now; none of them: the end."""
        blocks = []
        for problem, name in self.cells():
            shift, found = self.tuned(problem, name)
            if found is None:
                stage, seeds = self.tune(shift), self.seeds["tuning"]
            elif self.target(problem) is not None:
                stage, seeds = "report", self.seeds["reporting"]
            else:
                continue
            blocks += [Block(problem, name, stage, seed) for seed in seeds]
        return [block for block in blocks if self.store.get(block) is None]

    def job(self, block):
        """The arguments of :func:`optlib.benchmark.records.compute`."""
        several = self.settings(block.problem, block.optimizer, block.stage)
        rule = self.protocol["optimizers"][block.optimizer]["rule"]
        looks = self.protocol["budget"]["evaluations"]
        return block, several, rule, self.steps(block.problem), looks

    def results(self):
        """Everything that is stored, by name."""
        m, p, b = len(self.names), len(self.problems), len(self.budgets)
        s, k, tuning = len(self.seeds["reporting"]), max(self.budgets), self.seeds["tuning"]
        out = dict(
            times=np.full((m, p, b, s), np.inf),
            losses=np.full((m, p, b, s, len(CHECKPOINTS)), np.inf),
            tests=np.full((m, p, b, s), np.inf),
            targets=np.array([self.target(problem) for problem in self.problems]),
            entered=np.zeros((m, p), bool),
            chosen=np.full((m, p, b, 2), -1, "int8"),
            tuning_losses=np.full((m, p, k), np.inf),
            tuning_times=np.full((m, p, k, len(tuning)), np.inf),
            shifts=np.zeros((m, p), "int8"),
            bytes=np.zeros((m, p), "int64"),
        )
        for problem, name in self.cells():
            at = self.names.index(name), self.problems.index(problem)
            choices, rows = self.choices(problem, name), [-1, *self.reported(problem, name)]
            row = np.vectorize(rows.index)(choices)
            shift, found = self.tuned(problem, name)
            tuned = np.array([record["curve"] for record in found])
            found = self.store.all(problem, name, "report", self.seeds["reporting"])
            curves = np.array([record["curve"] for record in found])  # (seeds, looks, rows)
            looks = [round(c * curves.shape[1]) - 1 for c in CHECKPOINTS]
            out["entered"][at], out["chosen"][at], out["shifts"][at] = True, choices, shift
            out["times"][at] = self.times(problem, curves)[:, row[:, 0]].T
            out["losses"][at] = curves[:, looks][..., row[:, 1]].transpose(2, 0, 1)
            out["tests"][at] = np.array([record["test"] for record in found])[:, row[:, 1]].T
            out["tuning_losses"][at] = tuned[:, -1].mean(0)
            out["tuning_times"][at] = self.times(problem, tuned).T
            out["bytes"][at] = state_bytes(self.protocol["optimizers"][name], problem)
        return out

    def about(self):
        return dict(
            names=self.names, problems=self.problems, budgets=self.budgets,
            steps=[self.steps(problem) for problem in self.problems],
            seeds=self.seeds["reporting"], checkpoints=CHECKPOINTS,
            protocol=self.protocol, protocol_sha=records.sha(self.protocol),
            code=self.store.fingerprint, optlib=optlib.__version__, numpy=np.__version__,
            python=platform.python_version(),
        )  # fmt: skip


def state_bytes(spec, problem):
    """Bytes that an optimizer keeps for one network, beside the parameters and the gradient."""
    model = trials.workload(problem).model(rng=0, copies=1)
    return trials.optimizer_of(spec["rule"], model.params, [trials.default(spec)], 1).state_bytes()


def pack(plan, file):
    """Write the results, small: losses on 12 binary digits, times as numbers of looks (0: inf)."""
    looks = len(plan.looks(plan.problems[0]))
    arrays = plan.results()
    for name in ("times", "tuning_times"):
        a = arrays[name]
        steps = np.array([plan.steps(p) for p in plan.problems]).reshape(
            1, -1, *(1,) * (a.ndim - 2)
        )
        arrays[name] = np.where(np.isinf(a), 0, np.ceil(a * looks / steps - 0.5)).astype("uint8")
    for name in ("losses", "tests", "tuning_losses"):
        with np.errstate(over="ignore"):  # what float32 cannot hold is lost as well
            bits = arrays[name].astype("float32").view("uint32")
        arrays[name] = ((bits + 0x800) & np.uint32(0xFFFFF000)).view("float32")
    with open(file, "wb") as stream:
        np.savez_compressed(stream, about=json.dumps(plan.about()), **arrays)
