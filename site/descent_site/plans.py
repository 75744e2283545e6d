"""Paths through the book and syllabi: which chapters fit into a number of hours or weeks.

All of it is computed from the times that the chapters state (outline.py), so that a new chapter
takes its place, and a sum is a sum.
"""

import dataclasses

from . import outline

# What a role does with a further hour, most useful first. A reader sees everything before doing
# anything; a student does a chapter wholly before the next; an instructor reads and does what
# students will see in class, and leaves a third of the time for the guide, the slides and grading.
ROLES = {
    "reader": (1.0, [("reading",), ("practice",), ("exercises",)]),
    "student": (1.0, [("reading", "practice", "exercises")]),
    "instructor": (2 / 3, [("reading", "practice"), ("exercises",)]),
}
# Chapters that a short path takes first: the law, noise, memory, a scale for each parameter.
FIRST = ("optimizer", "gradient-descent", "sgd", "momentum", "adaptive")


@dataclasses.dataclass(frozen=True)
class Path:
    """What to do in `hours`: {activity: [chapter, ...]}."""

    role: str
    hours: int
    does: dict

    @property
    def minutes(self):
        return sum(getattr(c, kind) for kind, chapters in self.does.items() for c in chapters)


def path(role, hours, chapters=None):
    """The path of a role: each step is taken if it fits and all that it needs has been read."""
    chapters = outline.read() if chapters is None else chapters
    share, rounds = ROLES[role]
    left = round(60 * hours * share)
    order = sorted(chapters, key=lambda c: FIRST.index(c.name) if c.name in FIRST else len(FIRST))
    needs, done = outline.before(chapters), {kind: set() for kind in outline.ACTIVITIES}
    # Pages without exercises, such as the map of frameworks, are for looking up: they come last.
    steps = [
        (chapter, kind)
        for looked_up in (False, True) for kinds in rounds
        for chapter in order if (chapter.exercises == 0) == looked_up
        for kind in kinds
    ]  # fmt: skip
    for chapter, kind in steps:
        cost = getattr(chapter, kind)
        ready = needs[chapter.name] <= done["reading"]
        ready &= kind == "reading" or chapter.name in done["reading"]
        if cost and cost <= left and ready:
            done[kind].add(chapter.name)
            left -= cost
    does = {kind: [c for c in chapters if c.name in names] for kind, names in done.items()}
    return Path(role, hours, does)


def split(loads, weeks):
    """Cut a list of numbers into `weeks` runs such that the largest sum is as small as it can be.

    Returns the lengths. Among equally good cuts the squares of the sums decide: even weeks.
    """
    if not 1 <= weeks <= len(loads):
        raise ValueError(f"{len(loads)} chapters cannot be spread over {weeks} weeks")
    best = {(0, 0): (0, 0, ())}
    for week in range(1, weeks + 1):
        for end in range(week, len(loads) + 1):
            options = []
            for start in range(week - 1, end):
                if (week - 1, start) in best:
                    top, squares, lengths = best[week - 1, start]
                    load = sum(loads[start:end])
                    options.append(
                        (max(top, load), squares + load**2, (*lengths, end - start))
                    )
            best[week, end] = min(options)
    return best[weeks, len(loads)][2]


# Weeks: which chapters such a course teaches; all of them where nothing is said.
COURSES = {4: "First order", 8: None, 12: None}


def taught(weeks, chapters=None):
    """The chapters of a course: those with exercises, of one part of the book or of all."""
    chapters = outline.read() if chapters is None else chapters
    part = COURSES[weeks]
    return [c for c in chapters if c.exercises and part in (None, c.part)]


def syllabus(weeks, chapters=None):
    """[[Chapter, ...] for each week], as even as the order of the book allows."""
    chosen = taught(weeks, chapters)
    lengths = split([c.minutes for c in chosen], weeks)
    ends = [sum(lengths[: i + 1]) for i in range(weeks)]
    return [chosen[end - length : end] for end, length in zip(ends, lengths)]
