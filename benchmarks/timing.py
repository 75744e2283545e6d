"""Timing several ways to do the same work, interleaved, so that a busy moment hits them all."""

from statistics import median
from time import process_time


def repeat(work, seconds):
    """How often ``work`` must run to last about that long (at least once)."""
    work()  # first calls allocate
    count, start = 0, process_time()
    while (spent := process_time() - start) < seconds / 4 and count < 1000:
        work()
        count += 1
    return max(1, round(count * seconds / max(spent, 1e-9)))


def race(variants, rounds, seconds):
    """CPU seconds of each variant in each round: {name: [time of one call, ...]}.

    ``variants`` maps names to functions without arguments. CPU time does not count the moments in
    which the machine does something else.
    """
    counts = {name: repeat(work, seconds) for name, work in variants.items()}
    times = {name: [] for name in variants}
    for _ in range(rounds):
        for name, work in variants.items():
            start = process_time()
            for _ in range(counts[name]):
                work()
            times[name].append((process_time() - start) / counts[name])
    return times


def ratio(times, other, base="optlib"):
    """Time of ``other`` over time of ``base``: the median of the rounds' ratios; None if absent."""
    if other not in times:
        return None
    return median(a / b for a, b in zip(times[other], times[base], strict=True))
