"""Collecting: every layout that platforms give out, and every way to abuse one."""

import gzip
import io
import os
import random
import shutil
import struct
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exercises.grading import collect as module
from exercises.grading.collect import collect, printable
from exercises.grading.course import Course, CourseError

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
STUDENTS = """id,first_name,last_name,email
ada,Ada,Lovelace,
bob,Bob,O'Neil-Smith,
cleo,Cléo,Müller,
Dan.1,Dan,Twin,
dan-2,Dan,Twin,
"""


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "students.csv").write_text(STUDENTS, encoding="utf-8")
    (folder / "course.toml").write_text(
        "[assignments.momentum]\nseed = 1\ndue = 2026-12-01T23:59:00+01:00\n"
        "[assignments.sgd]\nseed = 2\n"
    )
    return Course(folder)


class Tree:
    """Makes the same files as a folder, a zip and a tar.gz."""

    def __init__(self, root):
        self.root = root

    def __call__(self, kind, files, when=NOON):
        return getattr(self, kind)(files, when)

    def folder(self, files, when=NOON):
        for name, data in files.items():
            path = self.root / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (when.timestamp(),) * 2)
        return self.root / "in"

    def zip(self, files, when=NOON):
        with zipfile.ZipFile(self.root / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(zipped(name, when), data)
        return self.root / "in.zip"

    def tar(self, files, when=NOON, name="in.tar.gz"):
        with tarfile.open(self.root / name, "w:gz" if name.endswith("gz") else "w") as archive:
            for name_, data in files.items():
                archive.addfile(tarred(name_, when, len(data)), io.BytesIO(data))
        return self.root / name


def zipped(name, when=NOON):
    local = when.astimezone(timezone(timedelta(hours=1)))  # as in `due`
    info = zipfile.ZipInfo(name, local.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def tarred(name, when=NOON, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.mtime, info.size = int(when.timestamp()), size
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def stored(course, assignment="momentum"):
    """{student: list of the bytes of attempts}"""
    found = {}
    for attempt in course.attempts(assignment):
        found.setdefault(attempt.student, []).append(attempt.path.read_bytes())
    return found


def said(report, student):
    return "\n".join(line.what for line in report if line.student == student)


def state(folder):
    return {path: (s := path.stat()).st_mtime_ns + s.st_ino for path in folder.rglob("*")}


KINDS = pytest.mark.parametrize("kind", ["folder", "zip", "tar"])


@KINDS
@pytest.mark.parametrize(
    "files, who",
    [
        ({"ada/momentum/momentum.ipynb": b"1", "ada/sgd/sgd.ipynb": b"2"}, "ada"),
        ({"submitted/ada/momentum/momentum.ipynb": b"1"}, "ada"),
        ({"source/x.py": b"", "submitted/ada/momentum/momentum.ipynb": b"1"}, "ada"),
        ({"Class 7/work/ada/momentum.ipynb": b"1", "Class 7/work/bob/x.txt": b""}, "ada"),
        ({"ada/My answer.ipynb": b"1"}, "ada"),
        ({"ada/week 3/Momentum (2).ipynb": b"1", "ada/scratch.ipynb": b"2"}, "ada"),
        ({"ada/momentum/momentum.ipynb": b"1", "ada/momentum (1).ipynb": b"2"}, "ada"),
        ({"ADA/x.ipynb": b"1"}, "ada"),
        ({"ada.ipynb": b"1"}, "ada"),
        ({"ada (3).ipynb": b"1"}, "ada"),
        ({"ada_momentum.ipynb": b"1", "readme.txt": b""}, "ada"),
        ({"ada-momentum (1).ipynb": b"1"}, "ada"),
        ({"dan-2.ipynb": b"1"}, "dan-2"),
        ({"Dan.1.ipynb": b"1"}, "Dan.1"),
        ({"Ada Lovelace_17_assignsubmission_file_/momentum.ipynb": b"1"}, "ada"),
        ({"Lovelace Ada_17_assignsubmission_file/x.ipynb": b"1"}, "ada"),
        ({"Ada Lovelace_17_assignsubmission_file_x.ipynb": b"1"}, "ada"),
        (
            {
                "Ada Lovelace_17_assignsubmission_onlinetext_/onlinetext.html": b"",
                "Ada Lovelace_17_assignsubmission_file_/x.ipynb": b"1",
            },
            "ada",
        ),
        ({"Cleo Muller_3_assignsubmission_file_/x.ipynb": b"1"}, "cleo"),
        ({"Cle\u0301o Mu\u0308ller_3_assignsubmission_file_/x.ipynb": b"1"}, "cleo"),
        ({"lovelaceada_12345_67890_momentum.ipynb": b"1"}, "ada"),
        ({"lovelaceada_LATE_12345_67890_momentum-1.ipynb": b"1"}, "ada"),
        ({"oneilsmithbob_1_2_my_own_3_4_name.ipynb": b"1"}, "bob"),
    ],
)
def test_layouts(course, tree, kind, files, who):
    report = collect(course, "momentum", tree(kind, files))
    assert stored(course) == {who: [b"1"]}
    (attempt,) = course.attempts()
    assert attempt.when == NOON and attempt.path.stat().st_mode & 0o777 == 0o444
    (line,) = [line for line in report if line.attempt]
    assert line.student == who and line.attempt == attempt and line.new
    assert line.what == "handed in 2026-12-01 12:00:00 UTC (time of the file)"


@KINDS
def test_a_whole_class(course, tree, kind):
    files = {f"{one}/momentum/momentum.ipynb": one.encode() for one in course.students}
    source = tree(kind, files | {"eve/momentum/momentum.ipynb": b"eve"})
    report = collect(course, "momentum", source)
    assert stored(course) == {one: [one.encode()] for one in course.students}
    assert [line.student for line in report] == [*course.students, None]
    assert "eve/momentum/momentum.ipynb: not taken: no student" in report[-1].what
    assert not report[-1].new and report[-1].attempt is None


@KINDS
def test_collecting_again_changes_nothing(course, tree, kind):
    source = tree(kind, {"ada/momentum.ipynb": b"1", "ada/momentum (1).ipynb": b"2"})
    first = collect(course, "momentum", source)
    before = state(course.folder)
    again = collect(course, "momentum", source)
    assert [line.attempt for line in again] == [line.attempt for line in first]
    assert len(first) == 2 and all(line.new for line in first)
    assert all(line.what.startswith("there already") and not line.new for line in again)
    assert state(course.folder) == before


def test_the_same_bytes_later_are_not_late(course, tree):
    """A file that was copied or downloaded again has a new time, and is still the same."""
    for hour, data in enumerate([b"1", b"1", b"2", b"1"]):
        collect(course, "momentum", tree.folder({"ada.ipynb": data}, NOON + timedelta(hours=hour)))
    found = [(a.when.hour, a.path.read_bytes()) for a in course.attempts()]
    assert found == [(12, b"1"), (14, b"2"), (15, b"1")]


def test_bytes_are_kept_as_they_are(course, tree):
    data = random.Random(0).randbytes(100_000)
    for kind in ("folder", "zip", "tar"):
        collect(course, "momentum", tree(kind, {"ada.ipynb": data, "bob.ipynb": b""}))
    assert stored(course) == {"ada": [data], "bob": [b""]}


@KINDS
@pytest.mark.parametrize(
    "text, when, says",
    [
        (b"2026-11-30 10:20:30.9 UTC", datetime(2026, 11, 30, 10, 20, 30), "timestamp.txt"),
        (b"2026-11-30 10:20:30\n", datetime(2026, 11, 30, 10, 20, 30), "timestamp.txt"),
        (b"2026-11-30T10:20:30+01:00", datetime(2026, 11, 30, 9, 20, 30), "timestamp.txt"),
        (b"yesterday", datetime(2026, 12, 1, 12), "time of the file"),
        (b"\xff" * 1000, datetime(2026, 12, 1, 12), "time of the file"),
        (b"9999-12-31 23:59:59-12:00", datetime(2026, 12, 1, 12), "time of the file"),
    ],
)
def test_the_time_that_nbgrader_notes(course, tree, kind, text, when, says):
    files = {"ada/momentum/momentum.ipynb": b"1", "ada/momentum/timestamp.txt": text}
    (line,) = collect(course, "momentum", tree(kind, files))
    assert line.attempt.when == when.replace(tzinfo=UTC) and says in line.what
    assert len(course.attempts()) == 1


def test_a_students_own_timestamp_is_no_clock(course, tree):
    """On Moodle a file of that name is the student's."""
    files = {"x.ipynb": b"1", "timestamp.txt": b"2020-01-01 00:00:00 UTC"}
    files = {f"Ada Lovelace_1_assignsubmission_file_/{name}": files[name] for name in files}
    collect(course, "momentum", tree.zip(files))
    assert course.attempts()[0].when == NOON


def test_a_time_that_is_given(course, tree):
    source = tree.folder({"ada/momentum.ipynb": b"1"})
    with pytest.raises(CourseError, match="no zone"):
        collect(course, "momentum", source, when=datetime(2026, 12, 1))
    when = datetime(2026, 12, 1, 1, 2, 3, 999, tzinfo=timezone(timedelta(hours=-5)))
    (line,) = collect(course, "momentum", source, when=when)
    assert line.attempt.when == datetime(2026, 12, 1, 6, 2, 3, tzinfo=UTC)
    assert "as given" in line.what


def test_a_time_that_nobody_knows(course, tree):
    never = datetime(1980, 1, 1, tzinfo=UTC)
    report = collect(course, "momentum", tree.zip({"ada.ipynb": b"1"}, never + timedelta(days=1)))
    assert "--when" in said(report, "ada") and not course.attempts()
    for mtime in (float("inf"), float("nan"), -1e30, 1e30):
        with tarfile.open(tree.root / "in.tar", "w", format=tarfile.PAX_FORMAT) as archive:
            info = tarred("ada.ipynb")
            info.mtime, info.pax_headers = 0, {"mtime": str(mtime)}
            archive.addfile(info)
        report = collect(course, "momentum", tree.root / "in.tar")
        assert "--when" in said(report, "ada") and not course.attempts()
    with zipfile.ZipFile(tree.root / "in.zip", "w") as archive:
        info = zipped("ada.ipynb")
        info.date_time = (2026, 15, 31, 12, 0, 0)
        archive.writestr(info, b"1")
    assert "--when" in said(collect(course, "momentum", tree.root / "in.zip"), "ada")


def test_the_exact_time_in_a_zip(course, tree):
    with zipfile.ZipFile(tree.root / "in.zip", "w") as archive:
        info = zipped("ada.ipynb")
        info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(NOON.timestamp()) + 1)
        archive.writestr(info, b"1")
    collect(course, "momentum", tree.root / "in.zip")
    assert course.attempts()[0].when == NOON + timedelta(seconds=1)


def test_all_of_one_student(course, tree):
    source = tree.zip({"momentum (1).ipynb": b"1", "data.csv": b"", "bob/momentum.ipynb": b"2"})
    report = collect(course, "momentum", source, student="ada")
    assert stored(course) == {"ada": [b"1", b"2"]} or stored(course) == {"ada": [b"2", b"1"]}
    assert {line.student for line in report} == {"ada"}
    path = tree.root / "Untitled.ipynb"
    path.write_bytes(b"3")
    collect(course, "momentum", path, student="bob")
    assert stored(course)["bob"] == [b"3"]
    assert "no student" in said(collect(course, "momentum", path), None)
    with pytest.raises(CourseError, match="'eve' is no id"):
        collect(course, "momentum", path, student="eve")


# What is not clear is not guessed.


@KINDS
@pytest.mark.parametrize(
    "files, student, words",
    [
        ({"ada/a.ipynb": b"", "ada/b.ipynb": b""}, "ada", "2 notebooks, none named momentum"),
        ({"ada/momentum.txt": b"", "bob/x": b""}, "ada", "no notebook: momentum.ipynb"),
        ({"ada/all.zip": b"PK", "bob/x": b""}, "ada", "an archive in the archive is not opened"),
        ({"ada.tar.gz": b"", "bob.txt": b""}, "ada", "an archive in the archive is not opened"),
        ({"ada/sgd.ipynb": b""}, "ada", "not looked at: 1 of other assignments"),
        ({"ada/.ipynb_checkpoints/momentum.ipynb": b""}, "ada", "not looked at: 1 hidden"),
        ({"Dan Twin_1_assignsubmission_file_/x.ipynb": b""}, None, "may be Dan.1 or dan-2"),
        ({"twindan_1_2_x.ipynb": b""}, None, "may be Dan.1 or dan-2"),
        ({"Eve_1_assignsubmission_file_/ada/x.ipynb": b""}, None, "no student"),
        ({"Eve_1_assignsubmission_file_/ada.ipynb": b""}, None, "no student"),
        ({"eve/ada/x.ipynb": b"", "bob/x": b""}, None, "no student"),
        ({"eve_1_2_lovelaceada_3_4_x.ipynb": b""}, None, "no student"),
        ({"eveada.ipynb": b""}, None, "no student"),
        (
            {
                "Ada Lovelace_1_assignsubmission_file_/x.ipynb": b"1",
                "Ada  LOVELACE_2_assignsubmission_file_/x.ipynb": b"2",
            },
            "ada",
            "2 names stand for ada; rename the right one ada",
        ),
        ({"lovelaceada_1_2_x.ipynb": b"1", "lovelaceada_3_4_x.ipynb": b"2"}, "ada", "2 names"),
        ({"Ada/x.ipynb": b"1", "ADA/x.ipynb": b"2"}, "ada", "2 names stand for ada"),
    ],
)
def test_unclear(course, tree, kind, files, student, words):
    report = collect(course, "momentum", tree(kind, files))
    assert words in said(report, student)
    assert stored(course) == {}


@KINDS
def test_the_exact_id_wins(course, tree, kind):
    """Names that differ in capitals alone cannot take another's place."""
    report = collect(course, "momentum", tree(kind, {"ADA/x.ipynb": b"2", "ada/x.ipynb": b"1"}))
    assert stored(course) == {"ada": [b"1"]}
    assert "ADA/x.ipynb: not taken: there is one named exactly ada" in said(report, "ada")


def test_a_source_that_is_none(course, tree):
    for name, words in [("no", "does not exist"), ("x.rar", "give a folder")]:
        if name == "x.rar":
            (tree.root / name).write_bytes(b"")
        with pytest.raises(CourseError, match=words):
            collect(course, "momentum", tree.root / name)
    for name in ("x.zip", "x.tar.gz", "x.tar"):
        for data in (b"", b"no archive at all" * 100, b"PK\5\6" + b"\xff" * 18):
            (tree.root / name).write_bytes(data)
            with pytest.raises(CourseError, match="cannot be read"):
                collect(course, "momentum", tree.root / name)
    with pytest.raises(CourseError, match="no assignment 'loss'"):
        collect(course, "loss", tree.root)


# Hostile sources: bob attacks, ada must get her point and nothing may appear outside.


@pytest.fixture
def attack(course, tree):
    """attack(archive) -> what is said; ada and cleo are collected all the same."""

    def attack(source, student="bob"):
        outside = sorted(p for p in tree.root.rglob("*") if course.folder not in p.parents)
        report = collect(course, "momentum", source)
        found = stored(course)
        assert found.pop("ada") == [b"A"] and found.pop("cleo") == [b"C"]
        assert found == {}, "the attack was collected"
        after = sorted(p for p in tree.root.rglob("*") if course.folder not in p.parents)
        assert after == outside
        names = {p.name for p in (course.folder / "attempts").rglob("*")}
        assert {n for n in names if not n.endswith(".ipynb")} == {"momentum", "ada", "cleo"}
        assert len(report) < 50
        return said(report, student)

    return attack


@pytest.fixture
def hostile_zip(tree):
    def make(*members):
        with zipfile.ZipFile(tree.root / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipped("ada/momentum.ipynb"), b"A")
            for info, data in members:
                info = zipped(info) if isinstance(info, str) else info
                archive.writestr(info, data)
            archive.writestr(zipped("cleo/momentum.ipynb"), b"C")
        return tree.root / "in.zip"

    return make


@pytest.fixture
def hostile_tar(tree):
    def make(*members, format=tarfile.PAX_FORMAT, name="in.tar.gz"):
        mode = "w:gz" if name.endswith("gz") else "w"
        with tarfile.open(tree.root / name, mode, format=format) as archive:
            archive.addfile(tarred("ada/momentum.ipynb", size=1), io.BytesIO(b"A"))
            for info, data in members:
                info = tarred(info, size=len(data)) if isinstance(info, str) else info
                archive.addfile(info, io.BytesIO(data))
            archive.addfile(tarred("cleo/momentum.ipynb", size=1), io.BytesIO(b"C"))
        return tree.root / name

    return make


PATHS = [
    ("../bob/momentum.ipynb", "leads out"),
    ("bob/../../../momentum.ipynb", "leads out"),
    ("bob/../eve/momentum.ipynb", "leads out"),
    ("bob\\..\\..\\momentum.ipynb", "leads out"),
    ("/bob/momentum.ipynb", "absolute path"),
    ("\\bob\\momentum.ipynb", "absolute path"),
    ("C:\\bob\\momentum.ipynb", "absolute path"),
    ("bob/" + "x/" * 3000 + "momentum.ipynb", "not a name that a file has"),
]


@pytest.mark.parametrize("name, words", PATHS)
def test_paths_in_a_zip(attack, hostile_zip, name, words):
    assert words in attack(hostile_zip((name, b"evil")), None)


@pytest.mark.parametrize("name, words", PATHS)
def test_paths_in_a_tar(attack, hostile_tar, name, words):
    assert words in attack(hostile_tar((name, b"evil")), None)


def test_a_null_byte_in_a_name(attack, hostile_zip):
    path = hostile_zip(("bob/0momentum.ipynb", b"evil"))
    path.write_bytes(path.read_bytes().replace(b"bob/0mom", b"bob/\0mom"))
    assert "not a name" in attack(path, None)


@pytest.mark.parametrize("kind, words", [(0o120777, "symbolic link"), (0o020666, "not a plain")])
def test_links_and_devices_in_a_zip(attack, hostile_zip, kind, words):
    info = zipped("bob/momentum.ipynb")
    info.external_attr = kind << 16
    assert words in attack(hostile_zip((info, b"/etc/passwd")))


@pytest.mark.parametrize(
    "kind, words",
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "not a plain file"),
        (tarfile.BLKTYPE, "not a plain file"),
        (tarfile.FIFOTYPE, "not a plain file"),
    ],
)
def test_links_and_devices_in_a_tar(attack, hostile_tar, kind, words):
    info = tarred("bob/momentum.ipynb", type=kind, linkname="ada/momentum.ipynb")
    assert words in attack(hostile_tar((info, b"")))
    info = tarred("bob", type=kind, linkname="/etc")  # and through a folder that is a link
    source = hostile_tar((info, b""), ("bob/momentum/momentum.txt", b"evil"))
    assert "no notebook" in attack(source)


def test_links_and_devices_in_a_folder(attack, tree):
    folder = tree.folder({"ada/momentum.ipynb": b"A", "cleo/momentum.ipynb": b"C", "bob/x": b""})
    secret = tree.root / "secret.ipynb"
    secret.write_bytes(b"secret")
    mine = folder / "bob" / "momentum.ipynb"
    mine.symlink_to(secret)
    assert "a symbolic link" in attack(folder)
    mine.unlink()
    os.link(secret, mine)
    assert "a hard link" in attack(folder)
    mine.unlink()
    os.mkfifo(mine)  # opening one would wait for ever
    assert "not a plain file" in attack(folder)
    mine.unlink()
    shutil.rmtree(folder / "bob")
    (folder / "bob").symlink_to(folder / "ada")
    assert "bob: not taken: a symbolic link" in attack(folder)
    (folder / "bob").unlink()
    (folder / "bob" / "momentum").mkdir(parents=True)
    (folder / "bob" / "momentum" / "loop").symlink_to(folder)
    assert "loop: not taken: a symbolic link" in attack(folder)


def test_a_link_put_there_after_the_look(course, tree, monkeypatch):
    folder = tree.folder({"ada/momentum.ipynb": b"A"})
    secret = tree.root / "secret"
    secret.write_bytes(b"secret")
    path = folder / "ada" / "momentum.ipynb"
    read = module.Folder.read

    def swap(self, wanted):
        if wanted:
            path.unlink()
            path.symlink_to(secret)
        return read(self, wanted)

    monkeypatch.setattr(module.Folder, "read", swap)
    assert "cannot be read" in said(collect(course, "momentum", folder), "ada")
    assert stored(course) == {}


def test_a_file_that_may_not_be_read(attack, tree, monkeypatch):
    folder = tree.folder(
        {"ada/momentum.ipynb": b"A", "bob/momentum.ipynb": b"B", "cleo/momentum.ipynb": b"C"}
    )
    opening = os.open

    def closed(path, *args, **more):  # as root, permissions say nothing
        if "bob" in str(path):
            raise PermissionError(13, "Permission denied")
        return opening(path, *args, **more)

    monkeypatch.setattr(os, "open", closed)
    assert "cannot be read: Permission denied" in attack(folder)


def test_a_large_notebook(attack, hostile_zip, hostile_tar, tree, monkeypatch):
    """1 GB takes no room here: a sparse file, and archives of zeros."""
    size = 1 << 30
    folder = tree.folder({"ada/momentum.ipynb": b"A", "bob/x": b"", "cleo/momentum.ipynb": b"C"})
    with open(folder / "bob" / "momentum.ipynb", "wb") as file:
        file.truncate(size)
    assert "larger than 32 MB" in attack(folder)
    monkeypatch.setattr(module, "NOTEBOOK", 1 << 20)
    big = bytes((1 << 20) + 1)
    assert "larger than" in attack(hostile_zip(("bob/momentum.ipynb", big)))
    assert "larger than" in attack(hostile_tar(("bob/momentum.ipynb", big)))


def test_a_notebook_of_just_the_largest_size(course, tree, monkeypatch):
    monkeypatch.setattr(module, "NOTEBOOK", 1000)
    for kind in ("folder", "zip", "tar"):
        collect(
            course, "momentum", tree(kind, {"ada.ipynb": bytes(1000), "bob.ipynb": b"x" * 1001})
        )
        assert stored(course) == {"ada": [bytes(1000)]}


def test_a_size_that_is_a_lie(attack, hostile_zip, monkeypatch):
    """A zip bomb whose directory says 1 byte."""
    monkeypatch.setattr(module, "NOTEBOOK", 1 << 20)
    path = hostile_zip(("bob/momentum.ipynb", bytes(3 << 20)))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 3 << 20), struct.pack("<I", 1)))
    assert "not taken" in attack(path)


def test_a_zip_bomb_within_the_size(attack, hostile_zip):
    words = attack(hostile_zip(("bob/momentum.ipynb", bytes(2 << 20))))
    assert "grows more than 200-fold" in words


def test_two_directory_entries_for_the_same_bytes(course, tree):
    """Overlapping members, the trick of the denser bombs: each is read once, within its limit."""
    with zipfile.ZipFile(tree.root / "in.zip", "w") as archive:
        archive.writestr(zipped("ada.ipynb"), b"A")
        info = zipped("bob.ipynb")
        archive.writestr(info, b"A")
        info.header_offset = 0
    report = collect(course, "momentum", tree.root / "in.zip")
    assert stored(course) == {"ada": [b"A"]} and "damaged" in said(report, "bob")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_compression_that_needs_much_memory(attack, hostile_zip, method):
    info = zipped("bob/momentum.ipynb")
    info.compress_type = method
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:  # writestr takes the archive's own
        archive.writestr(info, b"")
    source = hostile_zip()
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("bob/momentum.ipynb", b"evil", compress_type=method)
    assert "compressed by method" in attack(source)


def test_an_encrypted_member(attack, hostile_zip):
    path = hostile_zip(("bob/momentum.ipynb", b"evil"))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2", 0, data.rindex(b"bob/"))
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in attack(path)


def test_a_damaged_member(attack, hostile_zip):
    path = hostile_zip(("bob/momentum.ipynb", b"evil" * 100))
    data = bytearray(path.read_bytes())
    data[data.index(b"bob/") + len("bob/momentum.ipynb") + 2] ^= 0x55
    path.write_bytes(data)
    assert "damaged" in attack(path)


@KINDS
def test_too_much_of_one(course, tree, kind, monkeypatch):
    monkeypatch.setattr(module, "OF_ONE", 5000)
    noise = random.Random(1)
    files = {f"bob/momentum ({n}).ipynb": noise.randbytes(1000) for n in range(40)}
    report = collect(course, "momentum", tree(kind, files | {"ada/momentum.ipynb": b"A"}))
    assert len(stored(course)["bob"]) == 5 and stored(course)["ada"] == [b"A"]
    lines = [line.what for line in report if line.student == "bob" and not line.attempt]
    assert len(lines) == module.LINES + 1 and lines[-1] == "... and 25 more like these"
    assert any("more than 20 notebooks" in line for line in lines)


@pytest.mark.parametrize("kind, half", [("folder", 1500), ("zip", 10_000), ("tar", 1500)])
def test_thousands_of_files(course, tree, kind, half):
    files = {f"bob/{n}.ipynb": b"" for n in range(half)}
    files |= {f"nobody{n}.ipynb": b"" for n in range(half)}
    report = collect(course, "momentum", tree(kind, {"ada.ipynb": b"A"} | files))
    assert stored(course) == {"ada": [b"A"]}
    assert f"{half} notebooks, none named" in said(report, "bob")
    assert f"{half - 1000} more names that are no student's" in said(report, None)
    assert len(report) < 1100


def test_names_that_are_not_utf8(course, tree):
    folder = tree.folder({"ada/momentum.ipynb": b"A"})
    for name in (b"bob/\xff\xfe.ipynb", b"\xe9ve/x.ipynb", b"x\x1b[2J.ipynb"):
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"B")
    os.utime(os.path.join(os.fsencode(folder), b"bob/\xff\xfe.ipynb"), (NOON.timestamp(),) * 2)
    shutil.make_archive(str(tree.root / "in"), "gztar", folder)
    for source in (folder, tree.root / "in.tar.gz"):
        report = collect(course, "momentum", source)
        assert stored(course) == {"ada": [b"A"], "bob": [b"B"]}
        text = "\n".join(line.what for line in report)
        assert "\\udce9ve" in text and "\\x1b[2J" in text
        assert text.encode("utf-8") and all(line.isprintable() for line in text.split("\n"))


def test_utf8_in_a_zip_that_does_not_say_so(course, tree):
    name = "Cléo Müller_1_assignsubmission_file_/x.ipynb".encode()
    with zipfile.ZipFile(tree.root / "in.zip", "w") as archive:
        archive.writestr(zipped("?" * len(name)), b"C")
    data = (tree.root / "in.zip").read_bytes().replace(b"?" * len(name), name)
    (tree.root / "in.zip").write_bytes(data)
    collect(course, "momentum", tree.root / "in.zip")
    assert stored(course) == {"cleo": [b"C"]}


def test_one_name_twice_in_an_archive(course, tree):
    with tarfile.open(tree.root / "in.tar", "w") as archive:
        for data in (b"1", b"2"):
            archive.addfile(tarred("ada.ipynb", size=1), io.BytesIO(data))
    assert len(collect(course, "momentum", tree.root / "in.tar")) == 2
    assert sorted(stored(course)["ada"]) == [b"1", b"2"]


# Tars that are forged: what stood before is collected, the rest is said to be missing.


@pytest.fixture
def forged(course, tree):
    """forged(bytes after ada's file) -> what is said; ada is collected."""

    def forged(data):
        source = tree.root / "in.tar.gz"
        with tarfile.open(fileobj=(tar := io.BytesIO()), mode="w") as archive:
            archive.addfile(tarred("ada.ipynb", size=1), io.BytesIO(b"A"))
        with gzip.open(source, "wb", compresslevel=1) as file:
            file.write(tar.getvalue()[:1024])
            for part in data:
                file.write(part)
        report = collect(course, "momentum", source)
        assert stored(course) == {"ada": [b"A"]}
        return said(report, None)

    return forged


def header(kind, size, name="bob.ipynb"):
    """A tar header; GNU's binary form for sizes that octal cannot say."""
    info = tarred(name)
    data = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    data[156:157] = kind
    data[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    data[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(data))[0]
    return bytes(data)


def zeros(size):
    return (bytes(1 << 20) for _ in range(size >> 20))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory(forged, kind):
    size = 64 << 20
    words = forged([header(kind, size), *zeros(size), header(b"0", 0), bytes(1024)])
    assert "a header of more than 1 MB; what follows there was not read" in words


def test_a_tar_that_points_backwards(forged):
    assert "cannot be read" in forged([header(b"0", -1024), bytes(1024)])


def test_headers_within_headers(forged):
    nested = header(tarfile.XHDTYPE, 512) + b"11 path=a/\n".ljust(512, b"\0")
    assert "cannot be read" in forged([nested * 2000, bytes(1024)])


def test_a_sparse_map_without_end(forged):
    text = b"21 GNU.sparse.major=1\n21 GNU.sparse.minor=0\n22 GNU.sparse.name=b\n"
    text = text.replace(b"21 GNU", b"22 GNU").replace(b"22 GNU.sparse.name", b"20 GNU.sparse.name")
    start = header(tarfile.XHDTYPE, len(text)) + text.ljust(512, b"\0")
    body = b"999999999\n" + b"1\n" * (1 << 21)
    words = forged([start, header(b"0", len(body)), body, bytes(1024)])
    assert "a header of more than 1 MB" in words


def test_a_tar_that_grows_without_end(forged, monkeypatch):
    monkeypatch.setattr(module, "EXPANDED", 8 << 20)
    words = forged([header(b"0", 1 << 40, "bob.txt"), *zeros(16 << 20)])
    assert "GB when unpacked" in words


@pytest.mark.parametrize(
    "rest, words",
    [
        ([b"rubbish" * 1000], "it ends in the middle"),
        ([], "it ends in the middle"),
        ([header(b"0", 10_000), b"x"], "unexpected end of data"),
    ],
)
def test_a_tar_that_is_cut_off(forged, rest, words):
    assert words in forged(rest)


def test_a_gzip_that_is_cut_off(course, tree):
    noise = random.Random(2)
    files = {f"{one}/momentum.ipynb": noise.randbytes(300_000) for one in ("ada", "bob", "cleo")}
    path = tree.tar(files)
    path.write_bytes(path.read_bytes()[:500_000])
    report = collect(course, "momentum", path)
    assert set(stored(course)) == {"ada"}
    assert "what follows there was not read" in said(report, None)


@given(st.data())
def test_archives_with_flipped_bytes_raise_nothing_else(tmp_path_factory, data):
    """Either a report or a CourseError; what is collected is never more than was there."""
    folder = tmp_path_factory.mktemp("flip")
    (folder / "students.csv").write_text(STUDENTS, encoding="utf-8")
    (folder / "course.toml").write_text("[assignments.momentum]\nseed = 1\n")
    course = Course(folder)
    kind = data.draw(st.sampled_from(["zip", "tar"]))
    path = Tree(folder)(kind, {"ada/momentum.ipynb": b"A" * 600, "bob/momentum.ipynb": b"B"})
    if kind == "tar":
        raw = bytearray(gzip.decompress(path.read_bytes())[:4096])
    else:
        raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / ("in.tar" if kind == "tar" else "in.zip")
    path.write_bytes(raw)
    try:
        report = collect(course, "momentum", path)
    except CourseError:
        return
    assert all(printable(line.what) == line.what or len(line.what) > 200 for line in report)
    assert set(stored(course)) <= {"ada", "bob", "cleo", "Dan.1", "dan-2"}


def test_a_changed_attempt_stops_nobody_else(attack, hostile_zip, course):
    """bob's attempt of before is not what it was."""
    folder = course.folder / "attempts" / "momentum" / "bob"
    source = hostile_zip(("bob/momentum.ipynb", b"B"))
    collect(course, "momentum", source)
    (path,) = folder.iterdir()
    path.chmod(0o644)
    path.write_bytes(b"better")
    report = collect(course, "momentum", source)
    assert "changed after it was collected" in said(report, "bob")
    assert "there already" in said(report, "ada") and "there already" in said(report, "cleo")


def test_two_files_whose_names_would_be_one(course, tree, monkeypatch):
    """48 bits of a digest can be forged; then nothing is overwritten."""

    class Weak:
        def __init__(self, data):
            self.data = data

        def hexdigest(self):
            return "0" * 12 + f"{self.data[0]:052x}"

    monkeypatch.setattr("hashlib.sha256", Weak)
    collect(course, "momentum", tree.folder({"ada.ipynb": b"1"}))
    report = collect(course, "momentum", tree.folder({"ada.ipynb": b"2"}))
    assert "are there already" in said(report, "ada") and stored(course) == {"ada": [b"1"]}
