"""What a release consists of: one version everywhere, and a wheel of optlib and nothing else."""

import datetime
import tarfile
import zipfile

import make_release as release
import package
import pytest
import yaml
from environment import ROOT

import optlib

CHANGELOG = """# Changelog

## Unreleased

- Not yet.

## 1.2.0 (2026-11-22)

- A thing.
  With a second line.

## 1.1.0 (2026-01-02)
"""
CITATION = {"version": "1.2.0", "date-released": datetime.date(2026, 11, 22)}


@pytest.mark.parametrize(
    ("number", "citation", "tag", "said"),
    [
        ("1.2.0", {}, "v1.2.0", []),
        ("1.2.0", {}, None, []),
        ("1.2.0", {}, "1.2.0", ["the tag is 1.2.0, optlib.__version__ asks for v1.2.0"]),
        ("1.2.0", {"version": "1.1.0"}, None, ["CITATION.cff says 1.1.0"]),
        ("1.2.0", {"date-released": datetime.date(2026, 11, 23)}, None, ["dates it 2026-11-22"]),
        ("1.3.0", {"version": "1.3.0"}, None, ["no heading “## 1.3.0 (YYYY-MM-DD)”"]),
        ("1.1.0", {"version": "1.1.0", "date-released": datetime.date(2026, 1, 2)}, None,
         ["the section 1.1.0 of CHANGELOG.md is empty"]),
        ("1.20", {}, None, ["CITATION.cff says", "no heading"]),
    ],
)  # fmt: skip
def test_one_version_everywhere(number, citation, tag, said):
    found = release.problems(number, {**CITATION, **citation}, CHANGELOG, tag)
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))


def test_the_notes_are_the_section():
    assert release.section(CHANGELOG, "1.2.0")[1] == "- A thing.\n  With a second line."
    assert release.version() == optlib.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == optlib.__version__


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    return package.build(folder), package.archive(folder)


def tree():
    """Every file of the library."""
    return {
        str(path.relative_to(ROOT)) for path in (ROOT / "optlib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }  # fmt: skip


def test_the_wheel_holds_the_library_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as file:
        names = set(file.namelist())
        about = f"descent_optlib-{optlib.__version__}.dist-info/"
        assert {n for n in names if not n.startswith(about)} == tree()
        assert f"{about}licenses/LICENSE" in names
        needs = [line for line in file.read(f"{about}METADATA").decode().splitlines()
                 if line.startswith("Requires-Dist") and "extra" not in line]  # fmt: skip
        assert needs == ["Requires-Dist: numpy>=2.0", "Requires-Dist: tqdm>=4.60"]
        # What depends on the moment or the machine is fixed: the same sources, the same bytes.
        times = {info.date_time for info in file.infolist()}
        assert times == {(2026, 1, 1, 0, 0, 0)}
        modes = {info.external_attr >> 16 & 0o777 for info in file.infolist()}
        assert modes <= {0o644, 0o664}
    assert built[0].name.endswith("-py3-none-any.whl")


def test_the_source_archive_holds_what_the_wheel_is_built_from(built):
    with tarfile.open(built[1]) as file:
        members = file.getmembers()
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert tree() | {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert not [n for n in names if n.startswith(("tests/", "chapters/", "site/"))]
    assert len({member.mtime for member in members}) == 1
    assert {(member.uid, member.uname) for member in members} == {(0, "")}


def test_the_files_have_checksums_and_nothing_is_left_out(tmp_path):
    (tmp_path / "b.pdf").write_bytes(b"b"), (tmp_path / "a.zip").write_bytes(b"a")
    release.sums(tmp_path), release.sums(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text().splitlines() == [
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.zip",
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.pdf",
    ]
