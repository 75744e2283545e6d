"""From what a learning platform gives out to attempts in the folder of the class.

Nothing is unpacked: names are only compared with those of the class; the notebook of a student is
read as bytes, up to a limit, and written under a name made here. What is not collected gets a line
that says why, and never keeps others from being collected.
"""

import gzip
import hashlib
import os
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exercises.assignment import SELF_CHECK
from exercises.grading import submission
from exercises.grading.course import NAME, Attempt, CourseError, stem
from exercises.grading.files import write_atomically

MB = 1 << 20
NOTEBOOK = 32 * MB  # the largest notebook that is taken
RATIO = 200  # a notebook above 1 MB is at most so many times its size in a zip
OF_ONE = 64 * MB  # all notebooks of one student in one source
COPIES = 20  # and how many there may be
EXPANDED = 16 << 30  # what a tar.gz may grow to
HEADER = MB  # what a tar may say about one member
LINES = 10  # of the report, about one student or one name that is none
NOBODIES = 1000  # names that are none
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a time before that comes from a clock never set

PACKED = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(_(?P<file>.*))?")
CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_late)?_(?P<number>\d+)_\d+_(?P<file>.+)", re.IGNORECASE
)
SHEET = re.compile(rf"'assignment': '({NAME.pattern})'")  # in the self-check of a notebook
COPY = r"( ?\(\d+\)|-\d+)?"  # what browsers and Canvas add to a name that is there already


@dataclass(frozen=True)
class Collected:
    """One line of the report: whose (None: nobody's), which attempt (None: not taken), and what.

    ``new`` tells an attempt that was not there before.
    """

    student: str | None
    attempt: Attempt | None
    what: str
    new: bool = False


class Refused(Exception):
    """Why something in a source is not read."""


@dataclass(frozen=True)
class Entry:
    """A file in a source; ``when`` is None if not known, ``refused`` is why it is not read."""

    index: int
    name: str
    size: int = 0
    when: datetime | None = None
    refused: str = ""

    def parts(self):
        """The path in parts; Refused if it does not stay in the source."""
        if self.name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[/\\]", self.name):
            raise Refused("an absolute path")
        parts = [part for part in re.split(r"[/\\]", self.name) if part not in ("", ".")]
        if ".." in parts:
            raise Refused("a path that leads out of where it is")
        if "\0" in self.name or not parts or len(self.name) > 4096:
            raise Refused("not a name that a file has")
        return parts


def collect(course, assignment, source, when=None, student=None):
    """Take the notebooks in a folder, a zip, a tar(.gz) or one .ipynb into the class.

    when : the time of handing in, where the source's own times are wrong; with a zone.
    student : to whom all of the source belongs. Otherwise its names say so: a student's id, or, as
        Moodle and Canvas have it, first and last name.

    Returns the report, a list of :class:`Collected`: students in the order of the class, then names
    that are no student's. Collecting again changes nothing: bytes that are there with that time, or
    that equal the attempt before them, are not added. CourseError if nothing can be read.
    """
    plan = course.plan(assignment)
    if when is not None and when.tzinfo is None:
        raise CourseError(f"the time {when} has no zone: write it as 2026-12-01T23:59:00+01:00")
    if student is not None and student not in course.students:
        raise CourseError(f"{student!r} is no id of {course.folder / 'students.csv'}")
    report = Report(course)
    with opened(Path(source), plan.due.tzinfo if plan.due else UTC) as reader:
        chosen, stamps = sort(course, plan.name, reader.entries, student, report)
        stamped = {}
        for index, data in reader.read({entry.index for entry in stamps.values()}):
            stamped[index] = timestamp(data)
        owners = {entry.index: (one, entry) for one in chosen for entry in chosen[one]}
        size = Counter()
        for index, data in reader.read(set(owners)):
            one, entry = owners[index]
            at, says = entry.when, "time of the file"
            if one in stamps and stamped.get(stamps[one].index):
                at, says = stamped[stamps[one].index], "timestamp.txt"
            if when is not None:
                at, says = when, "as given"
            try:
                if isinstance(data, Refused):
                    raise data
                size[one] += len(data)
                if size[one] > OF_ONE:
                    raise Refused(f"more than {OF_ONE // MB} MB of one student")
                if at is None or at < EARLIEST:
                    raise Refused("when it was handed in is not known; collect it with --when")
                report.take(one, *keep(course, plan.name, one, at, data), says)
            except (Refused, CourseError) as why:
                report.skip(one, entry.name, why)
        if reader.stopped:
            report.note(None, "", f"{reader.stopped}; what follows there was not read")
    return report.lines()


def keep(course, assignment, student, when, data):
    """Write one attempt, unless it is there: (attempt, is it new)."""
    digest = hashlib.sha256(data).hexdigest()
    when = when.astimezone(UTC).replace(microsecond=0)
    before = None
    for attempt in course.attempts(assignment, student):
        if (attempt.when, attempt.digest) == (when, digest):
            return attempt, False
        if attempt.when <= when:
            before = attempt
    if before is not None and before.digest == digest:
        return before, False
    path = course.folder / "attempts" / assignment / student / f"{stem(when, digest)}.ipynb"
    if path.exists():
        raise Refused(f"other bytes with the name {path.name} are there already")
    write_atomically(path, data)
    path.chmod(0o444)
    return Attempt(assignment, student, when, path, digest), True


def elsewhere(attempt):
    """The name of the other assignment whose sheet an attempt is; None if it is as it should be."""
    try:
        cells = submission.cells(attempt.path.read_bytes())
    except submission.Unreadable:
        return None
    for cell in cells:
        found = SHEET.search(cell.source) if cell.name == SELF_CHECK else None
        if found:
            return None if found[1] == attempt.assignment else found[1]
    return None


class Report:
    """Lines about students and about names that are no student's, not too many of any."""

    def __init__(self, course):
        self.course = course
        self.of = defaultdict(list)

    def note(self, student, name, what, attempt=None, new=False):
        self.of[student, "" if student else name].append(Collected(student, attempt, what, new))

    def skip(self, student, name, why, about=""):
        """``about`` groups the lines about nobody."""
        self.note(student, about or name, f"{printable(name)}: not taken: {why}")

    def take(self, student, attempt, new, says):
        time = f"{attempt.when:%Y-%m-%d %H:%M:%S} UTC"
        what = f"handed in {time} ({says})" if new else f"there already, handed in {time}"
        self.note(student, "", what, attempt, new)

    def lines(self):
        order = {student: n for n, student in enumerate(self.course.students)}
        found, nobodies = [], 0
        for student, name in sorted(self.of, key=lambda k: (order.get(k[0], len(order)), k[1])):
            lines = self.of[student, name]
            nobodies += student is None
            if nobodies > NOBODIES:
                continue
            found += [line for line in lines if line.attempt]
            others = [line for line in lines if not line.attempt]
            found += others[:LINES]
            if len(others) > LINES:
                what = f"... and {len(others) - LINES} more like these"
                found.append(Collected(student, None, what))
        if nobodies > NOBODIES:
            what = f"... and {nobodies - NOBODIES} more names that are no student's"
            found.append(Collected(None, None, what))
        return found


# Whose is it, and which of it is the notebook?


def sort(course, assignment, entries, student, report):
    """({student: entries to take}, {student: entry of nbgrader's timestamp.txt})."""
    placed = []
    for entry in entries:
        try:
            placed.append((entry, entry.parts()))
        except Refused as why:
            report.skip(None, entry.name, why, about="/")
    if student is not None:
        files = {student: placed}
    else:
        files = claimed(Names(course.students.values(), assignment), placed, report)
    chosen, stamps = {}, {}
    for one, own in files.items():
        chosen[one] = choose(course, assignment, one, own, report)
        for entry, parts in own:
            if parts == [assignment, "timestamp.txt"] and not entry.refused:
                stamps[one] = entry
    return chosen, stamps


def claimed(names, placed, report):
    """{student: list of (entry, its path below the student's name)}."""
    claims = defaultdict(lambda: defaultdict(list))  # by student, then by the name that says so
    for entry, parts in unwrapped(names, placed, report):
        claim, rest = names.claim(parts)
        if len(claim.students) == 1:
            claims[claim.students[0]][claim].append((entry, rest))
        elif claim.students:
            either = " or ".join(claim.students)
            why = f"this may be {either}; give it the student's id as its name"
            report.skip(None, entry.name, why, about=parts[0])
        else:
            why = "no student of students.csv has this id or name"
            report.skip(None, entry.name, why, about=parts[0])
    files = {}
    for student, by in claims.items():
        sure = [claim for claim in by if claim.exact] or list(by)
        if len(sure) > 1 and not sure[0].exact:  # two people, it seems: whose work would it be?
            why = f"{len(sure)} names stand for {student}; rename the right one {student}"
            sure = []
        else:
            why = f"there is one named exactly {student}"
        files[student] = [file for claim in sure for file in by[claim]]
        for claim in (claim for claim in by if claim not in sure):
            for entry, _ in by[claim]:
                report.skip(student, entry.name, why)
    return files


def unwrapped(names, placed, report):
    """Without the folders that hold everything, such as nbgrader's submitted/."""
    while True:
        tops = {parts[0] for _, parts in placed}
        folders = {parts[0] for _, parts in placed if len(parts) > 1}
        tops -= {top for top in tops if top.startswith(".") or top == "__MACOSX"}
        if "submitted" in folders and not names.claim(["submitted", ""])[0].students:
            top = "submitted"
        elif len(tops) == 1 and tops <= folders and not names.known(top := min(tops)):
            pass
        else:
            return placed
        if others := [entry for entry, parts in placed if parts[0] != top or len(parts) == 1]:
            what = f"not looked at: {len(others)} outside of {printable(top)}"
            report.note(None, "/", what)
        placed = [(e, parts[1:]) for e, parts in placed if parts[0] == top and len(parts) > 1]


@dataclass(frozen=True)
class Claim:
    """Whose something may be, and whether its name is the id itself."""

    students: tuple
    by: str
    exact: bool = False


class Names:
    """Finds students by what folders and files are called."""

    def __init__(self, students, assignment):
        self.end = re.compile(rf"([ _-]{re.escape(assignment)})?{COPY}", re.IGNORECASE)
        self.named = f"{assignment}.ipynb"
        self.ids = {student.id for student in students}
        self.folded = {one.casefold(): one for one in self.ids}
        self.spaced, self.squeezed, self.canvas = (defaultdict(set) for _ in range(3))
        for student in students:
            first, last = student.first_name, student.last_name
            for name in (f"{first} {last}", f"{last} {first}", f"{last}, {first}"):
                self.spaced[spaced(name)].add(student.id)
                self.squeezed[squeezed(name)].add(student.id)
            self.canvas[squeezed(f"{last}{first}")].add(student.id)

    def known(self, folder):
        """Whether a folder is that of one person, in the class or not."""
        return bool(MOODLE.fullmatch(folder) or self.claim([folder, ""])[0].students)

    def claim(self, parts):
        """(Claim of a path, what of the path is below the student's name)."""
        top, rest = parts[0], parts[1:]
        if not rest:
            for name in self.stems(top):
                if name in self.ids:
                    return Claim((name,), name, True), [self.named if notebook(top) else top]
        if top in self.ids:
            return Claim((top,), top, True), rest or [top]
        if found := MOODLE.fullmatch(top):
            name, by = found["name"], f"Moodle {found['number']}"
            students = self.spaced.get(spaced(name)) or self.squeezed.get(squeezed(name), set())
            return Claim(tuple(sorted(students)), by), rest or [found["file"] or top]
        if not rest and (found := CANVAS.fullmatch(top)):
            students = self.canvas.get(squeezed(found["name"]), set())
            return Claim(tuple(sorted(students)), f"Canvas {found['number']}"), [found["file"]]
        if rest and (student := self.folded.get(unicodedata.normalize("NFKC", top).casefold())):
            return Claim((student,), top), rest
        return Claim((), top), rest or [top]

    def stems(self, name):
        """What the id may be in a file's name: ada.ipynb, ada (1).ipynb, ada_momentum.ipynb."""
        name = re.sub(r"(\.tar)?\.[^.]*$", "", name)
        yield name
        for cut in range(len(name) - 1, 0, -1):
            if self.end.fullmatch(name, cut):
                yield name[:cut]


def choose(course, assignment, student, files, report):
    """The notebooks that are attempts: those named as the assignment, else the only one."""
    ranks, aside = defaultdict(list), Counter()
    own = re.compile(re.escape(assignment) + COPY + r"\.ipynb", re.IGNORECASE)
    others = {name.casefold() for name in course.plans if name != assignment}
    for entry, parts in files:
        name = parts[-1].casefold()
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            aside["hidden"] += 1
        elif (
            parts[0].casefold() in others
            and len(parts) > 1
            or name.removesuffix(".ipynb") in others
        ):
            aside["of other assignments"] += 1
        elif notebook(name):
            home = parts[:-1] == [assignment] and name == f"{assignment}.ipynb".casefold()
            ranks[0 if home else 1 if own.fullmatch(name) else 2].append(entry)
        elif entry.refused:
            report.skip(student, entry.name, entry.refused)
        elif name.endswith(PACKED):
            why = "an archive in the archive is not opened; the notebook itself is to be handed in"
            report.skip(student, entry.name, why)
        elif parts != [assignment, "timestamp.txt"]:
            aside["without the ending .ipynb"] += 1
    for what, count in sorted(aside.items()):
        report.note(student, "", f"not looked at: {count} {what}")
    if not ranks:
        report.note(student, "", f"no notebook: {assignment}.ipynb is to be handed in")
        return []
    best = min(ranks)
    for entry in (entry for rank in ranks for entry in ranks[rank] if rank > best):
        report.skip(student, entry.name, f"there is one named {assignment}.ipynb")
    if best == 2 and len(ranks[2]) > 1:
        why = f"{len(ranks[2])} notebooks, none named {assignment}.ipynb; rename the right one"
        for entry in ranks[2]:
            report.skip(student, entry.name, why)
        return []
    taken = []
    for entry in ranks[best]:
        if entry.refused:
            report.skip(student, entry.name, entry.refused)
        elif entry.size > NOTEBOOK:
            report.skip(student, entry.name, TOO_LARGE)
        else:
            taken.append(entry)
    taken.sort(key=lambda entry: (entry.when or EARLIEST, entry.name), reverse=True)
    for entry in taken[COPIES:]:
        report.skip(student, entry.name, f"more than {COPIES} notebooks; the latest are taken")
    return taken[:COPIES]


TOO_LARGE = f"larger than {NOTEBOOK // MB} MB; clear its outputs"


def notebook(name):
    return name.casefold().endswith(".ipynb")


def spaced(name):
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def squeezed(name):
    """Letters and digits alone, without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def printable(text):
    """Fit for a terminal and for UTF-8: what moves cursors or is no character is written out."""
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])
    return "".join(escaped) + ("..." if len(text) > 200 else "")


def timestamp(data):
    """The time in nbgrader's timestamp.txt, None if it cannot be read."""
    if isinstance(data, Refused):
        return None
    text = data[:100].decode("utf-8", "replace").strip()
    try:
        when = datetime.fromisoformat(re.sub(r"\s*(UTC|GMT)$", "", text))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment(seconds):
    """A time from the seconds since 1970, or None."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


# Sources. Each has entries, stopped ("" or why the list is not complete), and
# read(set of indices), which yields (index, bytes or Refused).


def opened(source, zone):
    """The reader of a source; times without a zone are in the given one."""
    name = source.name.casefold()
    try:
        if source.is_dir():
            return Folder(source)
        if not source.is_file():
            raise CourseError(f"{source} does not exist: give a folder, .zip, .tar.gz or .ipynb")
        if notebook(name):
            return Folder(source.parent, [source])
        if name.endswith(".zip"):
            return Zip(source, zone)
        if name.endswith((".tar.gz", ".tgz", ".tar")):
            return Tar(source)
    except CourseError:
        raise
    except Exception as error:  # whatever a forged archive makes of zipfile
        raise CourseError(
            f"{source} cannot be read ({printable(str(error))}); download it again"
        ) from None
    raise CourseError(f"{source}: give a folder, or a file .zip, .tar.gz, .tgz, .tar or .ipynb")


class Reader:
    stopped = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class Folder(Reader):
    """The files of a folder. Nothing is followed: no symbolic link, no second name of a file."""

    def __init__(self, folder, paths=None):
        self.folder, self.entries, self.paths = folder, [], []
        for path in self.walk(folder) if paths is None else paths:
            self.add(path)

    def walk(self, folder):
        todo = [os.fspath(folder)]
        while todo:
            here = todo.pop()
            try:
                with os.scandir(here) as found:
                    found = sorted(found, key=lambda item: item.name)
            except OSError as error:
                self.add(here, f"cannot be read: {error.strerror}")
                continue
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    todo.append(item.path)
                else:
                    yield item.path

    def add(self, path, refused=""):
        name, size, when = os.path.relpath(path, self.folder), 0, None
        try:
            found = os.lstat(path)
            size, when = found.st_size, moment(int(found.st_mtime))
            refused = refused or not_plain(found.st_mode)
            if not refused and found.st_nlink > 1:
                refused = "a hard link: its file has other names too; put a copy there"
        except OSError as error:
            refused = refused or f"cannot be read: {error.strerror}"
        self.entries.append(Entry(len(self.paths), name, size, when, refused))
        self.paths.append(path)

    def read(self, wanted):
        flags = os.O_RDONLY
        for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, flag, 0)
        for index in sorted(wanted):
            try:
                with open(os.open(self.paths[index], flags), "rb") as file:
                    refused = not_plain(os.fstat(file.fileno()).st_mode)
                    data = b"" if refused else file.read(NOTEBOOK + 1)
            except OSError as error:
                refused = f"cannot be read: {error.strerror}"
            yield index, Refused(refused) if refused else small(data)


def not_plain(mode):
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "" if stat.S_ISREG(mode) or not stat.S_IFMT(mode) else "not a plain file"


def small(data):
    return data if len(data) <= NOTEBOOK else Refused(TOO_LARGE)


class Zip(Reader):
    def __init__(self, path, zone):
        self.zip = zipfile.ZipFile(path)
        self.infos = self.zip.infolist()
        self.entries = []
        for index, info in enumerate(self.infos):
            refused = not_plain(info.external_attr >> 16)
            if info.flag_bits & 1:
                refused = "encrypted"
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                refused = f"compressed by method {info.compress_type}; use Deflate"
            when, name = zip_time(info, zone), zip_name(info)
            if not name.endswith(("/", "\\")):
                self.entries.append(Entry(index, name, info.file_size, when, refused))

    def __exit__(self, *error):
        self.zip.close()

    def read(self, wanted):
        for index in sorted(wanted):
            info = self.infos[index]
            try:
                with self.zip.open(info) as file:
                    data = file.read(NOTEBOOK + 1)
            except Exception as error:  # whatever a forged archive makes of zipfile
                yield index, Refused(f"damaged: {printable(str(error)) or type(error).__name__}")
                continue
            if len(data) > max(MB, RATIO * info.compress_size):
                yield index, Refused(f"grows more than {RATIO}-fold when unpacked (a zip bomb)")
            else:
                yield index, small(data)


def zip_name(info):
    """UTF-8 is often not declared, as the format wants it."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def zip_time(info, zone):
    """The exact time where there is one (field 0x5455), else the local one, of two seconds."""
    extra = info.extra
    while len(extra) >= 9:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and extra[4] & 1:
            return moment(struct.unpack("<i", extra[5:9])[0])
        extra = extra[4 + size :]
    try:
        return datetime(*info.date_time, tzinfo=zone)
    except ValueError:
        return None


class Forward:
    """A tar's bytes, only forwards, and at most ``allowance`` of them before the next grant."""

    def __init__(self, file):
        self.file, self.position, self.allowance, self.last = file, 0, HEADER, b""

    def tell(self):
        return self.position

    def read(self, size):
        if not 0 <= size <= self.allowance:
            raise Refused(f"a header of more than {HEADER // MB} MB")
        self.last = self.get(size)
        self.allowance -= size
        return self.last

    def get(self, size):
        data = self.file.read(size)
        self.position += len(data)
        if self.position > EXPANDED:
            raise Refused(f"more than {EXPANDED >> 30} GB when unpacked")
        return data

    def seek(self, position):
        if position < self.position:
            raise Refused("a member that points backwards")
        while self.position < position and self.get(min(MB, position - self.position)):
            pass


class Tar(Reader):
    """Read from front to end, once for the names and once for what is wanted."""

    def __init__(self, path):
        self.path = path
        self.entries = [
            Entry(index, member.name, member.size, moment(member.mtime), tar_refused(member))
            for index, member, _ in self.members()
            if not member.isdir()
        ]
        self.stopped = self.ended
        if self.stopped and not self.entries:
            raise ValueError(self.stopped)

    def members(self):
        index, self.ended = 0, ""
        plain = self.path.suffix.casefold() == ".tar"
        with open(self.path, "rb") if plain else gzip.open(self.path, "rb") as file:
            forward = Forward(file)
            try:
                tar = tarfile.TarFile(fileobj=forward, errors="surrogateescape")
                while member := tar.next():
                    tar.members.clear()
                    yield index, member, forward
                    index += 1
                    forward.allowance = HEADER
                if len(forward.last) < 512 or any(forward.last):
                    raise Refused("it ends in the middle")
            except Exception as error:  # whatever a forged archive makes of tarfile
                what = printable(str(error)) or type(error).__name__
                self.ended = f"the archive cannot be read after {index} members: {what}"

    def read(self, wanted):
        if not wanted:
            return
        for index, member, forward in self.members():
            if index in wanted:
                forward.allowance = NOTEBOOK
                try:
                    data = forward.read(member.size)
                    if len(data) < member.size:
                        raise EOFError("the archive ends within it")
                except Exception as error:
                    data = Refused(f"damaged: {printable(str(error))}")
                yield index, data
                wanted = wanted - {index}
                if not wanted:
                    return
        for index in sorted(wanted):
            yield index, Refused(self.ended)


def tar_refused(member):
    if member.issym() or member.islnk():
        return "a symbolic link" if member.issym() else "a hard link"
    if not member.isreg() or member.issparse():
        return "not a plain file"
    return "" if member.size >= 0 else "of negative size"
