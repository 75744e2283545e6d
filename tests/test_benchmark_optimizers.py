"""The benchmark of optimizers: what it draws, chooses and stores; killed and continued; spread over
a cluster that loses a worker; and that the stored results are those of this protocol and code."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import optlib
from optlib import benchmark
from optlib.benchmark import records, trials, work
from optlib.benchmark.__main__ import main
from optlib.benchmark.cost import costs
from optlib.benchmark.plan import Plan, pack

ROOT = Path(__file__).resolve().parents[1]

TINY = """
[budget]
trials = [1, 2]
evaluations = 4
baseline = "Nesterov"
target = 0.75
[seeds]
tuning = [0, 1]
reporting = [10, 11]
[search]
schedule = ["constant", "linear"]
warmup = [0.0, 0.25]
edge = 0.1
shift = 1
shifts = 1
[optimizers]
SGD = { rule = "SGD", lr = [1e-3, 1.0] }
Nesterov = { rule = "Nesterov", lr = [1e-4, 1.0], beta = [0.7, 0.99] }
Muon = { rule = "Muon", lr = [1e-4, 0.1], beta = [0.7, 0.99] }
[problems]
iris = { steps = 8 }
spirals = { steps = 8 }
"""


@pytest.fixture
def tiny(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(TINY, encoding="utf-8")
    return file


def plan_of(file, folder):
    protocol = records.protocol(file)
    return Plan(protocol, records.Store(folder, protocol))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The records and results of a run from beginning to end, by file name."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    plan = plan_of(folder / "tiny.toml", folder)
    while todo := plan.todo():
        for block in todo:
            plan.store.put(block, records.compute(*plan.job(block)))
    pack(plan, folder / "out.npz")
    return contents(plan.store.folder), (folder / "out.npz").read_bytes()


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("*/*") if p.is_file()}


# What is drawn


def test_settings_fill_their_ranges_evenly_and_the_twin_has_its_own():
    protocol = benchmark.protocol()
    for name, spec in protocol["optimizers"].items():
        several = benchmark.settings(protocol, "iris", name)
        moved = benchmark.settings(protocol, "iris", name, shift=1)
        assert len(several) == 50
        for key in spec.keys() - {"rule"}:
            low, high = spec[key]
            values = np.array([setting[key] for setting in several])
            assert low <= values.min() and values.max() <= high
            decay = key.startswith("beta")
            u = np.log(1 - values if decay else values) - np.log(1 - low if decay else low)
            u /= np.log((1 - high) / (1 - low) if decay else high / low)
            assert (np.histogram(u, 5, (0, 1))[0] >= 7).all()  # of 10
        rates = np.array([setting["lr"] for setting in moved])
        assert spec["lr"][0] * 10 <= rates.min() and rates.max() <= spec["lr"][1] * 10
        assert {setting["schedule"] for setting in several[:5]} <= set(trials.SCHEDULES)
    adam, again = (benchmark.settings(protocol, "iris", n) for n in ("Adam", "Adam again"))
    assert adam != again
    assert adam != benchmark.settings(protocol, "wine", "Adam")


def test_the_default_is_that_of_the_library():
    spec = benchmark.protocol()["optimizers"]["AdamW"]
    d = optlib.AdamW.defaults
    plain = {"lr": d["lr"], "beta1": d["beta1"], "wd": d["wd"]}
    assert trials.default(spec) == {**plain, "schedule": "constant", "warmup": 0.0}


def test_a_rate_climbs_and_falls_within_the_steps():
    several = {"lr": 2.0, "schedule": "linear", "warmup": 0.1}
    rates = trials.rates(several, 40)
    assert rates[:5] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])
    assert rates[-1] == pytest.approx(2 / 36)
    assert trials.rates({**several, "schedule": "constant", "warmup": 0}, 3).tolist() == [2.0] * 3


# What is run


@pytest.mark.parametrize("name", ["Nesterov", "AdamW", "Muon"])
def test_a_setting_in_a_block_is_its_own_run(name):
    protocol = benchmark.protocol()
    several = benchmark.settings(protocol, "spirals", name)[:3]
    rule = protocol["optimizers"][name]["rule"]
    curve, test = trials.run("spirals", rule, several, 3, 12, 4)
    alone, test_alone = trials.run("spirals", rule, several[1:2], 3, 12, 4)
    assert curve.shape == (4, 3)
    assert curve[:, 1] == pytest.approx(alone[:, 0], rel=1e-4)
    assert test[1] == pytest.approx(test_alone[0], rel=1e-4)


def test_a_run_is_the_plain_loop():
    setting = {"lr": 0.05, "beta": 0.9, "schedule": "constant", "warmup": 0.0}
    curve, _ = trials.run("breast cancer", "Nesterov", [setting], 4, 6, 2)
    task = trials.workload("breast cancer")
    model, losses = task.model(rng=4), []
    opt = optlib.Nesterov(model.params.x, lr=0.05, beta=0.9)
    for X, y in optlib.data.minibatches(4, *task.train, size=task.batch):
        model.zero_grad()
        task.loss(model(X), y).backward()
        opt.step(model.params.g)
        losses.append(task.loss(model(task.validation[0]), task.validation[1]).item())
    assert curve[:, 0] == pytest.approx([losses[2], losses[5]], rel=1e-9)


def test_a_rate_that_is_too_large_fails_alone():
    settings = [{"lr": lr, "schedule": "constant", "warmup": 0.0} for lr in (0.1, 1e9)]
    curve, test = trials.run("diabetes", "SGD", settings, 0, 60, 3)
    assert np.isfinite(curve[:, 0]).all() and np.isfinite(test[0])
    assert np.isinf([curve[-1, 1], test[1]]).all()


# Problems in whose data some inputs occur more than once.
REPEATED = ("matrix factors", "sparse Zipf", "characters", "iris")


@pytest.mark.parametrize("name", benchmark.protocol()["problems"])
def test_every_problem_can_be_learnt(name):
    task = trials.workload(name)
    setting = {"lr": 1e-2, "beta1": 0.9, "schedule": "constant", "warmup": 0.0}
    start, _ = trials.run(name, "Adam", [{**setting, "lr": 1e-12}], 0, 1, 1)
    curve, test = trials.run(name, "Adam", [setting], 0, 20, 1)
    assert curve[0, 0] < start[0, 0] and np.isfinite(test).all()
    if name not in REPEATED and not callable(task.train):
        train, *rest = ({tuple(np.ravel(x)) for x in part[0]} for part in task[2:5])
        assert not train & rest[0] and not train & rest[1] and not rest[0] & rest[1]


# What is chosen


class Made(dict):
    """A store of records that were made up: {(problem, optimizer, stage): curves (seeds, E, K)}."""

    folder = Path("nowhere")

    def all(self, problem, optimizer, stage, seeds):
        curves = self.get((problem, optimizer, stage))
        made = None if curves is None else [np.array(c, float) for c in curves]
        return made and [{"curve": c, "test": c[-1] + 100} for c in made]


def test_choices_by_time_and_by_loss(tiny):
    protocol = {**records.protocol(tiny)}
    protocol["budget"] = {**protocol["budget"], "trials": [1, 2, 3]}
    protocol["search"] = {**protocol["search"], "shifts": 0}
    baseline = [[[5, 9, 9], [4, 9, 9], [3, 9, 9], [1, 9, 9]]] * 2
    curves = [[[9, 2, 9], [9, 2, 9], [9, 2, 3], [9, 2, 1]]] * 2
    made = Made({("iris", "Nesterov", "tune+0"): baseline, ("iris", "SGD", "tune+0"): curves})
    plan = Plan(protocol, made, ["iris"])
    assert plan.target("iris") == 3  # at 75 % of the steps, of the setting that ends lowest
    assert plan.times("iris", curves).tolist() == [[np.inf, 2, 6]] * 2
    assert plan.choices("iris", "SGD").tolist() == [[-1, -1], [1, 1], [1, 2]]
    made["iris", "Nesterov", "report"] = [[[9, 9]] * 4] * 2
    made["iris", "SGD", "report"] = [[[9, 7, 5], [9, 2, 4], [9, 6, 3], [9, 6, 1]]] * 2  # -1, 1, 2
    found = plan.results()
    assert found["times"][0, 0].tolist() == [[np.inf, np.inf], [4, 4], [4, 4]]  # that of trial 1
    assert found["losses"][0, 0, :, 0].tolist() == [[9, 9, 9, 9], [7, 2, 6, 6], [5, 4, 3, 1]]
    assert found["tests"][0, 0].tolist() == [[109, 109], [106, 106], [101, 101]]
    made["iris", "SGD", "tune+0"] = [[[9, 2, 9]] * 4, [[9, 9, 8]] * 4]  # a miss is never averaged
    assert plan.choices("iris", "SGD").tolist()[2] == [1, 1]
    made["iris", "SGD", "tune+0"] = [[[9, 2, 9]] * 4, [[9, np.inf, 8]] * 4]  # and a lost run loses
    assert plan.choices("iris", "SGD").tolist()[2] == [2, 2]


def test_a_best_rate_on_the_edge_moves_the_range_and_never_back(tiny):
    protocol = records.protocol(tiny)
    protocol["budget"]["trials"], protocol["search"]["shifts"] = [1, 50], 2

    def curves(shift, sign):
        several = trials.settings(protocol, "iris", "SGD", shift)
        return [[[sign * np.log(setting["lr"]) for setting in several]] * 4] * 2

    made = Made()
    plan = Plan(protocol, made, ["iris"])
    assert plan.tuned("iris", "SGD") == (0, None)
    for sign in (1, -1):  # the lower, the better; the higher, the better
        made.clear()
        made["iris", "SGD", "tune+0"] = curves(0, sign)
        assert plan.tuned("iris", "SGD") == (-sign, None)
        made["iris", "SGD", f"tune{-sign:+d}"] = curves(-sign, sign)
        assert plan.tuned("iris", "SGD") == (-2 * sign, None)
        made["iris", "SGD", f"tune{-2 * sign:+d}"] = curves(-2 * sign, sign)
        shift, found = plan.tuned("iris", "SGD")  # as often as the protocol allows
        assert shift == -2 * sign and found is not None
        made["iris", "SGD", f"tune{-sign:+d}"] = curves(-sign, -sign)
        assert plan.tuned("iris", "SGD")[0] == -sign and plan.tuned("iris", "SGD")[1] is not None
    rates = np.log10([s["lr"] for s in trials.settings(protocol, "iris", "SGD", 1)])
    made.clear()
    made["iris", "SGD", "tune+0"] = curves(0, -1)
    made["iris", "SGD", "tune+1"] = [[np.abs(rates - 0.4)] * 4] * 2  # 2.5: within 0.01 to 10
    assert plan.tuned("iris", "SGD")[0] == 1 and plan.tuned("iris", "SGD")[1] is not None
    made["iris", "SGD", "tune+0"] = [np.full((4, 50), np.inf)] * 2
    shift, found = plan.tuned("iris", "SGD")  # nothing works: no direction is better
    assert shift == 0 and found is not None


# Killed and continued; on a cluster


# Is killed when the fourth record is written, and not yet in its place.
KILLED = """
import os, signal, sys
from optlib.benchmark.__main__ import main
replace, records = os.replace, []
def replace_three(*files):
    records.append(files)
    if len(records) > 3:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*files)
os.replace = replace_three
main(sys.argv[1:])
"""


def test_a_killed_run_goes_on_to_the_same_bytes(tiny, tmp_path, undisturbed):
    out, folder = tmp_path / "out.npz", plan_of(tiny, tmp_path / "records").store.folder
    words = ["--protocol", tiny, "--records", tmp_path / "records", "--out", out, "--jobs", "2"]
    how = dict(cwd=ROOT, capture_output=True)  # a worker that outlives the run holds these pipes
    run = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], **how, timeout=300)
    assert run.returncode == -signal.SIGKILL and not out.exists()
    files = contents(folder)
    whole = {name for name in files if name.endswith(".json")}
    assert len(whole) == 3 and len(files) == 4
    before = {name: (folder / name).stat().st_mtime_ns for name in whole}
    again = subprocess.run([sys.executable, "-m", "optlib.benchmark", *map(str, words)], **how)
    assert again.returncode == 0, again.stderr
    assert {name: (folder / name).stat().st_mtime_ns for name in whole} == before
    assert contents(folder) == undisturbed[0]
    assert out.read_bytes() == undisturbed[1]


def test_a_cluster_gives_the_same_and_survives_the_death_of_a_worker(tiny, tmp_path, undisturbed):
    from distributed import LocalCluster

    plan, killed, put = plan_of(tiny, tmp_path), [], []
    store = plan.store.put

    def count(block, text):
        put.append(block)
        store(block, text)

    plan.store.put = count
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=50, memory_limit=0,
    ) as cluster:  # fmt: skip

        def kill_one(stages, blocks, number):
            for block in blocks:
                yield block
                if not killed:
                    killed.append(next(iter(cluster.workers.values())).process.pid)
                    os.kill(killed[0], signal.SIGKILL)

        work.run(plan, scheduler=cluster.scheduler_address, bar=kill_one)
    pack(plan, tmp_path / "out.npz")
    assert killed and len(put) == len(set(put)) == len(undisturbed[0])
    assert contents(plan.store.folder) == undisturbed[0]
    assert (tmp_path / "out.npz").read_bytes() == undisturbed[1]


def test_a_worker_with_other_code_is_told_apart(tiny):
    with pytest.raises(RuntimeError, match="differs.*the same commit"):
        work.remote(records.protocol(tiny), "another")


def test_two_runs_do_not_write_the_same_records(tmp_path):
    with work.sole_writer(tmp_path), pytest.raises(RuntimeError, match="another run writes there"):
        with work.sole_writer(tmp_path):
            pass


# What comes out


def test_what_is_packed_comes_back(tiny, tmp_path, undisturbed):
    plan = plan_of(tiny, tmp_path)
    for name, data in undisturbed[0].items():
        path = plan.store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert plan.todo() == []
    (tmp_path / "out.npz").write_bytes(undisturbed[1])
    found, exact = benchmark.results(tmp_path / "out.npz"), plan.results()
    for name, a in exact.items():
        assert getattr(found, name) == pytest.approx(a, rel=2.5e-4), name
    assert (found.times == exact["times"]).all()
    assert found.entered.tolist() == [[True, True], [True, True], [False, True]]
    assert found.about["protocol_sha"] == records.sha(tomllib.loads(TINY))
    seconds = costs(Plan(plan.protocol, plan.store, ["iris"]))["seconds"]
    assert seconds[0][0] > 0 and seconds[2] == [None]


def test_status_says_what_is_done(tiny, tmp_path, capsys):
    assert main(["--status", "--protocol", str(tiny), "--records", str(tmp_path)]) is None
    said = capsys.readouterr().out
    assert "0 blocks done, 4 blocks can be run now" in said  # iris: Muon has nothing to do
    assert "0 blocks done, 6 blocks can be run now" in said


@pytest.mark.parametrize(
    "words, message",
    [
        (["--only", "iris"], "give --out FILE"),
        (["--only", "irs", "--out", "x"], "--only irs: there is no such problem; there are noisy"),
        (["--jobs", "0", "--out", "x"], "--jobs 0: at least 1"),
        (["--scheduler", "here", "--out", "x"], "--scheduler here: give its address, as in tcp:"),
        (["--protocol", "nowhere.toml", "--out", "x"], "nowhere.toml"),
    ],
)
def test_wrong_words_are_named_with_the_remedy(words, message, tmp_path):
    assert message in main([*words, "--records", str(tmp_path)])


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("reporting = [10, 11]", "reporting = [1, 11]", "seed 1 is for tuning and for reporting"),
        ("trials = [1, 2]", "trials = [2, 5]", r"trials = \[2, 5\] must rise from 1"),
        ('"Nesterov"\n', '"Nestorov"\n', "baseline = 'Nestorov' is none of the optimizers SGD,"),
        ("iris =", "irs =", "there is no problem 'irs'; there are noisy bowl"),
        ("[seeds]", "[seed]", r"there is no section \[seeds\]"),
        ('rule = "SGD"', 'rule = "SGDD"', "there is no rule 'SGDD'"),
        ('"SGD", lr', '"SGD", rate', "SGD has no hyperparameter 'rate'; it has lr"),
    ],
)
def test_a_protocol_that_cannot_be_run_is_refused(tiny, old, new, message):
    tiny.write_text(TINY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        records.protocol(tiny)
