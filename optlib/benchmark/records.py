"""What was run is kept in files, one for each block, whole or absent: a run may be killed at any
instant, and goes on from there. What is to be done next follows from the files alone.
"""

import hashlib
import json
import os
import pathlib
import platform
import tomllib
from typing import NamedTuple

import numpy as np

from optlib.benchmark import trials
from optlib.benchmark.workloads import WORKLOADS
from optlib.registry import MATRIX_OPTIMIZERS, OPTIMIZERS

HERE = pathlib.Path(__file__).parent
PROTOCOL = HERE / "protocol.toml"
# The code on which a record depends, beside the protocol.
CODE = (
    "benchmark/trials benchmark/workloads adaptive autodiff data first_order initialisers layers "
    "losses matrix nn noisy_bowl ops optimizer schedules"
).split()


def protocol(file=None):
    """The protocol, or that of ``file``; ValueError, with the remedy, if it cannot be run."""
    file = file or PROTOCOL
    p = tomllib.loads(pathlib.Path(file).read_text(encoding="utf-8"))
    if missing := {"budget", "seeds", "search", "optimizers", "problems"} - p.keys():
        raise ValueError(f"{file}: there is no section [{sorted(missing)[0]}]; write it")
    counts = p["budget"]["trials"]
    if counts[:1] != [1] or sorted(set(counts)) != counts:
        raise ValueError(f"{file}: trials = {counts} must rise from 1, the default setting")
    if twice := set(p["seeds"]["tuning"]) & set(p["seeds"]["reporting"]):
        raise ValueError(
            f"{file}: seed {min(twice)} is for tuning and for reporting; a choice may not be "
            "judged by the runs it was made on: give each part seeds of its own"
        )
    if p["budget"]["baseline"] not in p["optimizers"]:
        raise ValueError(
            f"{file}: baseline = {p['budget']['baseline']!r} is none of the optimizers "
            f"{', '.join(p['optimizers'])}"
        )
    for name, spec in p["optimizers"].items():
        rule = OPTIMIZERS.get(spec["rule"]) or MATRIX_OPTIMIZERS.get(spec["rule"])
        if rule is None:
            raise ValueError(
                f"{file}: {name}: there is no rule {spec['rule']!r}; there are "
                f"{', '.join(OPTIMIZERS)} and Muon"
            )
        if unknown := sorted(spec.keys() - {"rule"} - rule.defaults.keys()):
            raise ValueError(
                f"{file}: {spec['rule']} has no hyperparameter {unknown[0]!r}; it has "
                f"{', '.join(rule.defaults)}"
            )
    for name in p["problems"]:
        if name not in WORKLOADS:
            raise ValueError(
                f"{file}: there is no problem {name!r}; there are {', '.join(WORKLOADS)}"
            )
    return p


def fingerprint(protocol):
    """Names all on which the records depend: protocol, code, numpy and Python."""
    digest = hashlib.sha256(sha(protocol).encode())
    digest.update(f"{np.__version__} {platform.python_version()}".encode())
    for name in CODE:
        digest.update((HERE.parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def sha(protocol):
    """Of what the protocol says; comments may change."""
    return hashlib.sha256(json.dumps(protocol).encode()).hexdigest()


class Block(NamedTuple):
    """The smallest piece of work: several settings of one optimizer, one problem, one seed."""

    problem: str
    optimizer: str
    stage: str  # "tune+0", "tune-1", ...: the shift of the range; or "report"
    seed: int

    @property
    def file(self):
        return f"{self.problem}/{self.optimizer}.{self.stage}.{self.seed}.json".replace(" ", "_")


class Store:
    """The records of one fingerprint, in a folder of their own."""

    def __init__(self, folder, protocol):
        self.protocol, self.fingerprint = protocol, fingerprint(protocol)
        self.folder = pathlib.Path(folder) / self.fingerprint[:16]
        self.memory = {}

    def get(self, block):
        """The record of a block: dict of curve (evaluations, K) and test (K,); None without."""
        if block not in self.memory:
            try:
                record = json.loads((self.folder / block.file).read_bytes())
            except FileNotFoundError:
                return None
            self.memory[block] = {key: _array(record[key]) for key in ("curve", "test")}
        return self.memory[block]

    def put(self, block, text):
        """All or nothing; what a killed run left half written is written over."""
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def all(self, problem, optimizer, stage, seeds):
        """The records of these seeds, or None if one is missing."""
        found = [self.get(Block(problem, optimizer, stage, seed)) for seed in seeds]
        return None if any(record is None for record in found) else found


def compute(block, several, rule, steps, evaluations):
    """Run a block and return its record, a text: the same bytes whenever and wherever, but for
    what another processor rounds differently."""
    curve, test = trials.run(block.problem, rule, several, block.seed, steps, evaluations)
    return json.dumps({"block": block, "settings": several, **_plain(curve=curve, test=test)})


def _plain(**arrays):
    def number(v):
        return float(f"{v:.6g}") if np.isfinite(v) else None

    return {
        key: [[number(v) for v in row] for row in a] if a.ndim > 1 else [number(v) for v in a]
        for key, a in arrays.items()
    }


def _array(values):
    a = np.array(values, float)  # None becomes NaN
    return np.where(np.isnan(a), np.inf, a)
