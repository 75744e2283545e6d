"""What a step costs here: seconds, which no two machines share, and so in a file of their own."""

import statistics
import time

from optlib.benchmark import trials

ROUNDS, STEPS = 7, 20


def costs(plan):
    """Seconds per step of one network, gradient included: medians of rounds, methods in turn."""
    seconds = [[None] * len(plan.problems) for _ in plan.names]
    for p, problem in enumerate(plan.problems):
        taken = {name: [] for name in plan.names if plan.enters(problem, name)}
        for _ in range(ROUNDS):
            for name, times in taken.items():
                times.append(step_seconds(plan.protocol["optimizers"][name], problem))
        for name, times in taken.items():
            seconds[plan.names.index(name)][p] = float(f"{statistics.median(times):.3g}")
    return {"names": plan.names, "problems": plan.problems, "seconds": seconds}


def step_seconds(spec, problem):
    task = trials.workload(problem)
    model = task.model(rng=0, copies=1)
    opt = trials.optimizer_of(spec["rule"], model.params, [trials.default(spec)], STEPS)
    batches = trials.minibatches(task, 0)
    start = time.process_time()
    for X, y in (next(batches) for _ in range(STEPS)):
        model.zero_grad()
        task.loss(model(X), y).sum().backward()
        opt.advance(model.params.g)
    return (time.process_time() - start) / STEPS
