"""The workflows: well formed, safe, pinned, and made of steps that can be run by hand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import issue
import jsonschema
import newer
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from environment import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def workflows():
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}


def steps():
    return [
        (name, job, step) for name, flow in workflows().items()
        for job in flow["jobs"].values() for step in job["steps"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", FILES),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ],
)
def test_they_are_well_formed(schema, files):
    for path in files:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if True in content:  # YAML takes the key `on` for a truth value
            content["on"] = content.pop(True)
        jsonschema.validate(content, get_builtin_schema(schema))


def test_no_hole_that_a_kept_tool_knows():
    """Actions not pinned, wide rights, text of an event in a shell, strangers' code with rights."""
    done = subprocess.run(
        [BIN / "zizmor", "--offline", "--no-progress", "--quiet", ROOT / ".github"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_rights_are_few_and_each_job_ends():
    for name, flow in workflows().items():
        assert flow["permissions"] == {"contents": "read"}, name
        assert all(job["timeout-minutes"] <= 60 for job in flow["jobs"].values()), name
        assert "pull_request_target" not in flow[True]  # `on`, see above
    writing = {
        (name, key) for name, flow in workflows().items() for key, job in flow["jobs"].items()
        if "contents: write" in yaml.dump(job.get("permissions"))
    }  # fmt: skip
    assert writing == {("weekly.yml", "update"), ("release.yml", "publish")}


def test_actions_are_pinned_to_a_commit_the_same_everywhere():
    lines = [line for path in FILES for line in path.read_text("utf-8").splitlines()
             if "uses:" in line]  # fmt: skip
    pins = {}
    for line in lines:
        found = re.search(r"uses: (actions/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", line)
        assert found, line
        assert pins.setdefault(found[1], found.groups()) == found.groups(), line
    assert len(lines) > 20 and len(pins) == 8


def test_every_command_is_one_of_ours():
    """Each `make X` is a target, each tools/X a file, as the steps and the Makefile call them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-][\w-]*):", makefile, re.M))
    called = [step["run"] for *_, step in steps() if "run" in step]
    made = {name for run in called for name in re.findall(r"\bmake (?:-C \S+ )?([a-z][\w-]*)", run)}
    for _, job, step in steps():
        if 'make "$TARGET"' in step.get("run", ""):
            made |= {row["make"] for row in job["strategy"]["matrix"]["include"]}
    assert {"test", "book", "check-site", "rehearse-jb2", "release"} <= made <= targets
    tools = {name for text in (*called, makefile) for name in re.findall(r"tools/[\w.]+", text)}
    tools -= {"tools/"}
    assert len(tools) > 12
    assert [name for name in tools if not (ROOT / name).is_file()] == []
    assert all(os.access(ROOT / name, os.X_OK) for name in tools if name.endswith(".sh"))


def test_no_event_is_pasted_into_a_shell():
    for name, _, step in steps():
        assert "${{" not in step.get("run", ""), (name, step)


def test_a_fork_publishes_at_its_own_address():
    job = workflows()["pages.yml"]["jobs"]["build"]
    steps = {step["run"]: step["env"] for step in job["steps"] if "make" in step.get("run", "")}
    assert all({"DESCENT_REPOSITORY", "DESCENT_SITE"} <= set(env) for env in steps.values())
    # The tests ask the named place for nothing; what is published holds all that it needs.
    assert [run for run, env in steps.items() if "DESCENT_PYODIDE" in env] == ["make book"]


# --- what the steps run ---------------------------------------------------------------------------

GH = """import json, os, sys
log = open(os.environ["GH_LOG"], "a")
text = "" if sys.stdin.isatty() or "-" not in sys.argv else sys.stdin.read()
json.dump([*sys.argv[1:], text], log)
log.write("\\n")
files = [open(arg).read() for arg in sys.argv if arg.endswith(".md") or arg.startswith("/tmp/tmp.")]
for file in files:
    json.dump(["file", file], log)
    log.write("\\n")
print(os.environ.get("GH_SAYS_" + "_".join(sys.argv[1:3]).replace("-", ""), ""))
"""


@pytest.fixture
def gh(tmp_path, monkeypatch):
    """A `gh` that writes down what it is asked; calls() -> the list of that."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/gh"
    program.with_suffix(".py").write_text(GH)
    # (no path of Python in a first line: it may hold a blank)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}.py" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("GH_LOG", str(tmp_path / "gh.log"))

    def calls():
        return [json.loads(line) for line in (tmp_path / "gh.log").read_text().splitlines()]

    return calls


def test_one_trouble_has_one_issue(gh, tmp_path, monkeypatch, capsys):
    report = tmp_path / "report.txt"
    report.write_text("three links\n")
    monkeypatch.setenv("RUN", "https://run")
    monkeypatch.setenv("GH_SAYS_issue_list", '[{"number": 6, "title": "Links are broken here"}]')
    issue.main(["Links", str(report)])
    assert gh()[-1] == ["issue", "create", "--title", "Links", "--body-file", "-",
                        "three links\n\nSaid by https://run\n"]  # fmt: skip
    issue.main(["Links", "--close"])
    assert capsys.readouterr().out.endswith("nothing to close\n")
    monkeypatch.setenv("GH_SAYS_issue_list", '[{"number": 7, "title": "Links"}]')
    issue.main(["Links", str(report)])
    assert gh()[-1][:3] == ["issue", "edit", "7"]
    issue.main(["Links", "--close"])
    assert gh()[-1][:3] == ["issue", "close", "7"]
    with pytest.raises(SystemExit, match="there is no report"):
        issue.main(["Links", str(tmp_path / "none.md")])


def test_a_report_that_is_too_long_is_cut():
    text = issue.body("line\n" * 20_000, None)
    assert len(text) < 65_000 and text.endswith("the whole is in the run)\n")


def test_what_differs_between_two_locks(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("# why\na==1.0\nb==2.0 ; sys_platform == 'linux'\nc==3.0\n")
    new.write_text("a==1.1\nb==2.0 ; sys_platform == 'linux'\nd==4.0\n")
    assert newer.changes(newer.versions(old), newer.versions(new)) == (
        "- a: 1.0 → 1.1\n- c: 3.0 → gone\n- d: new → 4.0\n"
    )
    assert "No version" in newer.changes({}, {})
    assert len(newer.versions(ROOT / "requirements.lock")) > 50


def test_a_tested_lock_becomes_one_pull_request(gh, tmp_path, monkeypatch):
    def git(*arguments):
        return subprocess.run(
            ["git", "-C", clone, *arguments], capture_output=True, text=True, check=True
        ).stdout

    clone, new = tmp_path / "clone", tmp_path / "new"
    (clone / "tools").mkdir(parents=True), new.mkdir()
    (clone / "tools/propose_lock.sh").write_bytes((ROOT / "tools/propose_lock.sh").read_bytes())
    (clone / "requirements.lock").write_text("a==1\n")
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "origin"], check=True)
    git("init", "-q"), git("remote", "add", "origin", str(tmp_path / "origin"))
    git("add", "."), git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "start")

    def propose(lock):
        (new / "requirements.lock").write_text(lock)
        (new / "versions.md").write_text("- a: 1 → 2\n")
        command = ["sh", clone / "tools/propose_lock.sh", new]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "newest already" in propose("a==1\n")
    monkeypatch.setenv("GH_SAYS_pr_list", "0")
    propose("a==2\n")
    assert git("show", "origin/update/lock:requirements.lock") == "a==2\n"
    assert [call[1] for call in gh() if call[0] == "pr"] == ["list", "create"]
    assert gh()[-1][1].startswith("- a: 1 → 2\n\nMade by")
    monkeypatch.setenv("GH_SAYS_pr_list", "1")
    propose("a==3\n")
    assert [call[1] for call in gh() if call[0] == "pr"][-1] == "edit"


def test_the_comment_goes_to_the_request_that_has_this_very_commit(gh, tmp_path, monkeypatch):
    pages = tmp_path / "pages.json"
    pages.write_text(json.dumps({"changed": ["chapters/sgd.html", "x` @all"]}))
    for name, value in {"GH_REPO": "o/n", "HEAD": "else:a;b $(c)", "SHA": "0f" * 20,
                        "RUN": "https://run"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def comment():
        command = ["sh", ROOT / "tools/comment.sh", pages]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "no open pull request" in comment()
    assert "head=else:a;b $(c)" in gh()[-1] and f'"{"0f" * 20}"' in gh()[-1][-2]
    monkeypatch.setenv("GH_SAYS_api_method", "12")
    comment()
    assert [call for call in gh() if call[0] == "pr"][-1][:3] == ["pr", "comment", "12"]
    said = gh()[-1][1]
    assert "`chapters/sgd.html`" in said and "@all" not in said and "https://run#art" in said
