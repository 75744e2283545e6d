"""A class to try the grader on: 30 invented students, two assignments, the troubles of real ones.

Nobody in it exists. Each notebook is made here, from the solution, the planted faults of
mutants.toml or the empty sheet, and then something happens to it: it is late, or broken, or its
author loops for ever. What must come of it is known and stands in expected.csv, computed without
the grader (the cases are asked in this process, the accidents have their price written beside
them); a test compares it with what the grader finds, student by student.
"""

import ast
import contextlib
import copy
import csv
import functools
import io
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from exercises import inside
from exercises.assignment import SELF_CHECK, Assignment, grading
from exercises.cases import verdict
from exercises.release import release, student_version, to_bytes
from exercises.wire import from_json

DUE = {
    "gradient-descent": datetime.fromisoformat("2026-11-09T23:59:00+01:00"),
    "momentum": datetime.fromisoformat("2026-11-16T23:59:00+01:00"),
}
SEED = 20261109
SECONDS = 3  # for a question; an endless loop waits so long
LATE = {"grace_minutes": 15, "per_day": 0.1, "floor": 0.5}
EXPORTS = {"1-two-days-before.zip": timedelta(days=-2), "2-at-the-end.zip": timedelta(days=21)}
COURSE = """\
# An example: the students of this class are invented, and so is everything that they hand in.
name = "Optimization (example, everybody in it is invented)"
database = "sqlite:///gradebook.db"

[late]
grace_minutes = {grace_minutes}
per_day = {per_day}
floor = {floor}

[limits]
seconds = {seconds}
"""
PLAN = """
[assignments.{name}]
due = {due}
attempts = "{attempts}"
seed = {seed}
"""

# id, first name, last name, and what happens in the first and in the second assignment.
STUDENTS = (
    ("okafor", "Amara", "Okafor", "own", "own"),
    ("horvath", "Bence", "Horváth", "copied", "copied"),
    ("rossi", "Chiara", "Rossi", "perfect", "perfect"),
    ("dao", "Hoa", "Đào", "fault 0", "late"),
    ("soerensen", "Emil", "Sørensen", "fault 6", "fault 0"),
    ("benali", "Fatima Zahra", "Benali", "fault 18", "fault 2"),
    ("nunez", "Gabriel", "Núñez", "fault 27", "fault 11"),
    ("kovarova", "Hana", "Kovářová", "untouched", "untouched"),
    ("ferreira", "Inês", "Ferreira", "late", "fault 16"),
    ("haddad", "Jamal", "Haddad", "better later", "worse later"),
    ("akana", "Kalena", "Akana", "reordered", "input"),
    ("lindqvist", "Lars", "Lindqvist", "tests deleted", "reordered"),
    ("chen", "Mei-Ling", "Chen", "foreign kernel", "tests deleted"),
    ("papadakis", "Νίκος", "Παπαδάκης", "syntax error", "foreign kernel"),
    ("petrenko", "Olha", "Petrenko", "endless loop", "syntax error"),
    ("tamahori", "Pita", "Tamahori", "exit", "endless loop"),
    ("obrien", "Quentin", "O'Brien", "warns", "exit"),
    ("almasri", "Rania", "Al-Masri", "prints much", "warns"),
    ("dlamini", "Sipho", "Dlamini", "half a file", "prints much"),
    ("yildiz", "Tuncay", "Yıldız", "empty file", "half a file"),
    ("krishnan", "Uma", "Krishnan", "nothing", "nothing"),
    ("quispe", "Valentina", "Quispe", "HTML", "empty file"),
    ("kamau", "Wanjiru", "Kamau", "magic", "HTML"),
    ("delgado", "Xiomara", "Delgado", "other name, old format", "magic"),
    ("tanaka", "Yuki", "Tanaka", "prints the answer", "other name, old format"),
    ("wisniewska", "Zofia", "Wiśniewska", "helpers elsewhere", "prints the answer"),
    ("ngata", "Aroha", "Ngata", "broken later", "a minute late"),
    ("jonsdottir", "Björk", "Jónsdóttir", "wrong sheet", "helpers elsewhere"),
    ("eze", "Chidi", "Eze", "very late", "fault 19"),
    ("haug", "Solveig", "Haug", "extension", "sys.exit"),
)

# One way to write everything that is not the instructor's: for the one who copies it.
OWN = {
    "gd": '''
        def gd(grad, x0, lr, steps, tol):
            """Gradient descent from x0; returns path, diverged."""
            x = np.asarray(x0, float).copy()
            points, blown, first, t = [], False, 0.0, 0
            while t <= steps and not blown:
                points.append(x)
                g = np.asarray(grad(x), float)
                size = np.sqrt(g @ g)
                first = size if t == 0 else first
                if size <= tol:
                    break
                blown = bool(np.isnan(size) or size > 1_000_000 * first)
                x = x + (-lr) * g
                t += 1
            return np.vstack(points), blown
    ''',
    "optimal_lr": '''
        def optimal_lr(H):
            """The best learning rate for f(x) = x @ H @ x / 2; ValueError if there is none."""
            matrix = np.asarray(H, float)
            difference = np.max(np.abs(matrix - matrix.T))
            if difference > 1e-8 * np.max(np.abs(matrix)):
                raise ValueError("not symmetric")
            curvatures = sorted(np.linalg.eigvalsh(matrix))
            smallest, largest = curvatures[0], curvatures[-1]
            if smallest > 0:
                return 2.0 / float(smallest + largest)
            raise ValueError("not positive definite")
    ''',
    "predict_steps": '''
        def predict_steps(H, tol):
            """Steps at the best learning rate until the distance is tol times that at the start."""
            lr = optimal_lr(H)
            mu = min(np.linalg.eigvalsh(H))
            rho = 1 - lr * mu
            t = 1
            while rho**t > tol:
                t += 1
            return t
    ''',
    "momentum": '''
        def momentum(grad, x0, lrs, beta, form):
            """All points of a run of momentum in one of its three forms, one row for each."""
            x = np.asarray(x0).astype(float)
            m = 0.0 * x
            rows = [x]
            for lr in lrs:
                g = np.asarray(grad(x), float)
                if form == "classical":
                    m = beta * m + lr * g
                    x = x - m
                elif form == "torch":
                    m = beta * m + g
                    x = x - lr * m
                elif form == "ema":
                    m = beta * m + (1 - beta) * g
                    x = x - lr * m
                else:
                    raise ValueError(form)
                rows.append(x)
            return np.vstack(rows)
    ''',
    "factor": '''
        def factor(lr, beta, h):
            """Size of the larger root of z**2 - (1 + beta - lr * h) * z + beta."""
            half = (1 + beta - lr * h) / 2
            under = half * half - beta
            if under < 0:
                return float(np.sqrt(beta))
            return float(abs(half) + np.sqrt(under))
    ''',
    "tune": '''
        def tune_heavy_ball(L, mu):
            """The learning rate and the momentum that are best for all curvatures from mu to L."""
            if mu <= 0 or mu > L:
                raise ValueError("0 < mu <= L")
            kappa = L / mu
            ratio = (kappa**0.5 - 1) / (kappa**0.5 + 1)
            lr = (2 / (L**0.5 + mu**0.5)) ** 2
            return float(lr), float(ratio**2)
    ''',
}
RENAMED = {
    "points": "trail", "blown": "exploded", "first": "g0", "size": "norm_g", "matrix": "A",
    "difference": "asym", "curvatures": "eig", "smallest": "lo", "largest": "hi", "rho": "q",
    "rows": "history", "half": "p", "under": "disc", "kappa": "cond", "ratio": "r", "g": "slope",
    "t": "k", "m": "velocity", "x": "w",
}  # fmt: skip
SENTENCES = (
    "A start that is exactly right has measure zero; whoever draws it at random never gets it.",
    "In my plot the points lie on a straight line when the axis is logarithmic.",
    "Each step multiplies the distance by the same number, so the logarithm grows evenly.",
    "Noise does not have to be large, because the growth does the rest.",
    "I think that it does not matter in practice, but I am not sure why.",
    "The argument holds for a quadratic; where the curvature changes it says nothing.",
    "I tried three more settings, and they behave in the same way.",
)
PLOT = """\
# Draw your plot here.
fig, axes = plt.subplots()
t = np.arange(60)
axes.semilogy(t, 0.9**t, label="what I expect")
axes.set(xlabel="step", ylabel="distance")
axes.legend()
plt.show()"""
HTML = """\
<h1>Essay</h1><script>document.title = "1000 points"</script>
<img src=x onerror="alert('hello')"> <b>Every</b> start <i>near</i> the ridge leaves it; see
<a href="javascript:alert(1)">my source</a>. </div></body></html> $$\\frac{1}{2}$$ and that is
why noise helps. <style>body { display: none }</style>"""


def make(folder, *, collected=True):
    """Write the class into a new folder and return its path.

    handed-in/<assignment>/*.zip is what the learning platform gives out, in Moodle's layout; with
    ``collected`` they are collected as well. expected.csv says what the grader must find.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder for the example class")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "course.toml", _course())
    rows = [(id, first, last, f"{id}@example.org") for id, first, last, *_ in STUDENTS]
    _write_csv(folder / "students.csv", ("id", "first_name", "last_name", "email"), rows)
    expected = []
    for place, (name, due) in enumerate(DUE.items()):
        assignment = Assignment(name)
        release(assignment, folder / "release")
        papers = [
            [student, *hand_ins(assignment, student[3 + place], number)]
            for number, student in enumerate(STUDENTS)
        ]
        for file, until in EXPORTS.items():
            path = folder / "handed-in" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_moodle(name, due, due + until, papers))
        for student, *given in papers:
            expected += _expected(assignment, student, student[3 + place], given)
    _write_csv(folder / "expected.csv", COLUMNS, expected)
    if collected:
        from exercises.grading.collect import collect
        from exercises.grading.course import Course

        course = Course(folder)
        for name in DUE:
            for file in EXPORTS:
                collect(course, name, folder / "handed-in" / name / file)
    return folder


@dataclass
class Paper:
    """One file handed in, and what must come of it.

    after : when, after the due date (minus: before). counts : whether it is the one that counts.
    lost : questions that an accident costs, with their status. data : the bytes, if no notebook.
    """

    assignment: Assignment
    notebook: dict
    after: timedelta
    counts: bool = True
    lost: dict = field(default_factory=dict)
    data: bytes | None = None
    file: str = ""

    @property
    def bytes(self):
        return to_bytes(self.notebook) if self.data is None else self.data

    @property
    def cells(self):
        return {grading(cell)["grade_id"]: cell for cell in self.notebook["cells"]}

    def write(self, name, source):
        self.cells[name]["source"] = source

    def add(self, source):
        """A code cell of the student's own, at the end."""
        number = len(self.notebook["cells"])
        self.notebook["cells"].append(
            {
                "cell_type": "code", "id": f"own-{number}", "metadata": {}, "source": source,
                "outputs": [], "execution_count": None,
            }
        )  # fmt: skip

    def drop(self, name):
        self.notebook["cells"].remove(self.cells[name])


def hand_ins(assignment, what, number):
    """What one student hands in: a list of Papers, the earlier one first."""
    paper = _solved(assignment, number)
    if what == "nothing":
        return []
    if what in ("better later", "worse later", "broken later"):
        weak = _solved(assignment, number)
        _fault(weak, 0)
        first, second = (weak, paper) if what == "better later" else (paper, weak)
        first.after -= timedelta(days=3)
        if what == "broken later":
            second = copy.deepcopy(paper)
            second.data, second.after = paper.bytes[:-2000], paper.after + timedelta(days=3)
        first.counts = what != "better later"
        second.counts = not first.counts
        return [first, second]
    if what.startswith("fault "):
        _fault(paper, int(what.removeprefix("fault ")))
    else:
        CHANGES[what](paper)
    return [paper]


def _fault(paper, number):
    mutant = paper.assignment.mutants[number]
    source = paper.cells[mutant["cell"]]["source"]
    for text, other in mutant["change"]:
        source = source.replace(text, other)
    paper.write(mutant["cell"], source)


def _perfect(paper):
    """Solution in everything, the plot included, and outputs as a saved notebook has them."""
    paper.write("m1_plot", _model(paper.assignment)["m1_plot"])
    for count, cell in enumerate(paper.notebook["cells"], 1):
        if cell["cell_type"] == "code":
            said = {"output_type": "stream", "name": "stdout", "text": ["looks right.\n"]}
            cell |= {"execution_count": count, "outputs": [said]}


def _untouched(paper):
    paper.notebook = student_version(paper.assignment)


def _own(paper, names=()):
    for name in paper.cells.keys() & OWN.keys():
        source = "\n".join(line[8:] for line in OWN[name].strip("\n").rstrip().split("\n"))
        for old, new in dict(names).items():
            source = re.sub(rf"\b{old}\b", new, source)
        paper.write(name, source)


def _reordered(paper):
    tests = [cell for cell in paper.notebook["cells"] if _is_test(cell)]
    others = [cell for cell in paper.notebook["cells"] if not _is_test(cell)]
    paper.notebook["cells"] = [*reversed(tests), *others]


def _tests_deleted(paper):
    kept = [cell for cell in paper.notebook["cells"] if not _is_test(cell)]
    paper.notebook["cells"] = [c for c in kept if grading(c)["grade_id"] != SELF_CHECK]


def _foreign_kernel(paper):
    spec = {
        "name": "conda-env-ml-py",
        "display_name": "Python [conda env:ml]",
        "language": "python",
    }
    paper.notebook["metadata"] = {"kernelspec": spec, "language_info": {"name": "python"}}


def _instead(first, second, status, body):
    """A change: a function of the first or second assignment does ``body`` alone, at this price."""

    def change(paper):
        name = first if first in paper.cells else second
        head, _, _ = paper.cells[name]["source"].partition('"""')
        paper.write(name, head + body)
        paper.lost[f"test_{name}"] = status

    return change


def _loud(line):
    """A change: every function does something that costs nothing before it answers."""

    def change(paper):
        for name in _functions(paper.assignment):
            source = paper.cells[name]["source"]
            at = source.index('"""', source.index('"""') + 3) + 3
            paper.write(name, f"{source[:at]}\n    {line}{source[at:]}")

    return change


def _alone(source):
    return lambda paper: paper.add(source)


def _magic(paper):
    paper.add("%matplotlib inline\n!pip install numpy")


def _renamed_file(paper):
    paper.file = f"{paper.assignment.name} (1).ipynb"
    paper.notebook |= {"nbformat": 4, "nbformat_minor": 4}
    for cell in paper.notebook["cells"]:
        del cell["id"]


def _printed(paper):
    name = "gd" if "gd" in paper.cells else "momentum"
    source = paper.cells[name]["source"]
    paper.write(name, re.sub(r"\breturn (.*)", r"print(\1); return", source))


def _helpers(paper):
    """Every function calls one that stands in a cell of its own, at the very end."""
    for name in _functions(paper.assignment):
        source = paper.cells[name]["source"]
        function = ast.parse(source).body[0]
        paper.add(source.replace(f"def {function.name}(", f"def my_{function.name}(", 1))
        args = ", ".join(argument.arg for argument in function.args.args)
        call = f"def {function.name}({args}):\n    return my_{function.name}({args})"
        paper.write(name, call)


def _wrong_sheet(paper):
    other = next(name for name in DUE if name != paper.assignment.name)
    paper.notebook = _solved(Assignment(other), 0).notebook


def _when(**after):
    def change(paper):
        paper.after = timedelta(**after)

    return change


def _data(change):
    def spoil(paper):
        paper.data = change(paper.bytes)

    return spoil


CHANGES = {
    "perfect": _perfect,
    "untouched": _untouched,
    "own": _own,
    "copied": lambda paper: _own(paper, RENAMED),
    "late": _when(hours=26),
    "very late": _when(days=9),
    "a minute late": _when(minutes=1),
    "extension": _when(days=3),
    "reordered": _reordered,
    "tests deleted": _tests_deleted,
    "foreign kernel": _foreign_kernel,
    "syntax error": _instead("gd", "tune", "missing", "return (1, 2"),
    "endless loop": _instead("gd", "factor", "timeout", "while True:\n        pass"),
    "exit": _instead("predict_steps", "tune", "crashed", "import os\n    os._exit(0)"),
    "warns": _loud("import warnings\n    warnings.warn('lr looks large')"),
    "prints much": _loud('print("another step\\n" * 20_000)'),
    "half a file": _data(lambda data: data[: len(data) // 2]),
    "empty file": _data(lambda data: b""),
    "HTML": lambda paper: paper.write("m1_essay", HTML),
    "magic": _magic,
    "other name, old format": _renamed_file,
    "prints the answer": _printed,
    "helpers elsewhere": _helpers,
    "wrong sheet": _wrong_sheet,
    "input": _alone('name = input("Your name? ")'),
    "sys.exit": _alone('import sys\nsys.exit("done")'),
}  # fmt: skip


def _solved(assignment, number):
    """A sheet with the solution's functions; some students also draw and write."""
    notebook = student_version(assignment)
    paper = Paper(assignment, notebook, timedelta(minutes=-37 * (number + 1)))
    for name in _functions(assignment):
        paper.write(name, _model(assignment)[name])
    if number % 3 == 0:
        paper.write("m1_plot", PLOT)
    if number % 4:
        chosen = [s for i, s in enumerate(SENTENCES) if (number >> i % 5) & 1 or i == number % 7]
        paper.write("m1_essay", " ".join(chosen))
    return paper


def _model(assignment):
    """The source cells with their solutions, without the markers, by grade_id."""
    return {
        grading(cell)["grade_id"]: "\n".join(
            line for line in cell["source"].split("\n") if "### " not in line
        )
        for cell in assignment.cells
    }


def _functions(assignment):
    """The grade_ids of the cells in which students write functions."""
    metas = [grading(cell) for cell in assignment.cells if cell["cell_type"] == "code"]
    return [meta["grade_id"] for meta in metas if meta["solution"] and not meta["grade"]]


def _is_test(cell):
    return grading(cell)["grade"] and not grading(cell)["solution"]


def _moodle(name, due, now, papers):
    """The zip that the platform gives at a time: of each student the newest file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, ((_, first, last, *_), *given) in enumerate(papers):
            given = [paper for paper in given if due + paper.after <= now]
            if given:
                paper, when = given[-1], due + given[-1].after
                folder = f"{first} {last}_{410_000 + 7 * number}_assignsubmission_file_"
                member = f"{folder}/{paper.file or f'{name}.ipynb'}"
                info = zipfile.ZipInfo(member, when.timetuple()[:6])
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, paper.bytes)
    return buffer.getvalue()


COLUMNS = (
    "student", "assignment", "what", "attempts", "submission", "late_days", "factor", "question",
    "status", "points", "max",
)  # fmt: skip


def _expected(assignment, student, what, given):
    """Rows of expected.csv: one for each question."""
    counting = [paper for paper in given if paper.counts]
    paper = counting[0] if counting else None
    submission = "missing" if paper is None else "graded" if paper.data is None else "unreadable"
    days = 0 if paper is None or what == "extension" else _days(paper)
    factor = max(LATE["floor"], 1 - LATE["per_day"] * days)
    same = (student[0], assignment.name, what, len(given), submission, days, f"{factor:g}")
    for name, meta in assignment.questions.items():
        status, points = submission, 0.0
        if submission == "graded":
            status, points = _points(assignment, paper, name)
        yield *same, name, status, f"{points:g}", f"{meta['points']:g}"
    for name, meta in assignment.manual.items():
        status = submission
        if submission == "graded":
            untouched = next(
                c["source"]
                for c in student_version(assignment)["cells"]
                if grading(c)["grade_id"] == name
            )
            same_as_given = paper.cells[name]["source"] == untouched
            status = "untouched" if same_as_given else "to mark"
        yield *same, name, status, "", f"{meta['points']:g}"


def _days(paper):
    late = paper.after - timedelta(minutes=LATE["grace_minutes"])
    return max(0, -(-late // timedelta(days=1)))


def _points(assignment, paper, question):
    """(status, points) of a question: that of an accident, or found by asking in this process."""
    if question in paper.lost:
        return paper.lost[question], 0.0
    cells = [c for c in paper.notebook["cells"] if c["cell_type"] == "code" and not _is_test(c)]
    cells = [c for c in cells if not grading(c)["grade"]]  # nor what a person marks
    texts = [c["source"] for c in cells if grading(c)["grade_id"] != SELF_CHECK]
    outcomes = _asked(assignment.name, tuple(texts), question)
    words = {next(iter(outcome)) for _, outcome, _ in outcomes}
    raised = [o["raised"][0] for _, o, _ in outcomes if "raised" in o]
    points = sum(case.points for case, _, said in outcomes if said is None)
    if words <= {"missing", "raised"} and set(raised) <= {"NotImplementedError"}:
        return "missing", points
    expected = any(case.raises in o.get("raised", ()) for case, o, _ in outcomes if case.raises)
    return ("graded" if "returned" in words or expected else "failed"), points


@functools.lru_cache(maxsize=1000)
def _asked(name, texts, question):
    """[(case, outcome, feedback)] of a question."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(io.StringIO()):
            names, _ = inside.load(texts)
            found = []
            for case in _cases(name):
                if case.question == question:
                    outcome = from_json(inside.answer(names, case.request))
                    found.append((case, outcome, verdict(case, outcome)))
    return found


@functools.cache
def _cases(name):
    return Assignment(name).cases(SEED)


def _course():
    text = COURSE.format(seconds=SECONDS, **LATE)
    for place, (name, due) in enumerate(DUE.items()):
        attempts = ("last", "best")[place]
        text += PLAN.format(name=name, due=due.isoformat(), attempts=attempts, seed=SEED)
        extended = [student[0] for student in STUDENTS if student[3 + place] == "extension"]
        if extended:
            text += f"[assignments.{name}.extensions]\n"
            until = (due + timedelta(days=7)).isoformat()
            text += "".join(f"{student} = {until}\n" for student in extended)
    return text


def _write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _write_csv(path, header, rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    _write(path, buffer.getvalue())
