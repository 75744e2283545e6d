"""Runs a student's code where it can reach nothing: bubblewrap around exercises/supervisor.py.

Inside there is no network, no process but its own, a read-only system, an empty folder in memory
and an unprivileged user; of this repository the three files of the inner side and optlib. What
comes out is text, and :mod:`exercises.wire` and the checks of a case read it as data.
"""

import atexit
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import optlib

INNER = Path(__file__).resolve().parents[1]  # holds supervisor.py, inside.py and wire.py
OPTLIB = Path(optlib.__file__).resolve().parent
SLACK = 1.0  # seconds beyond the limit after which the whole sandbox is ended from outside
START = 60.0  # seconds that the imports may take on a busy machine
REMEDY = (
    "Student code is run by bubblewrap (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf "
    "install bubblewrap; on macOS and Windows use a Linux container or virtual machine, see "
    "exercises/README.md)."
)


class SandboxError(RuntimeError):
    """There is no working sandbox; says what is missing and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one question may use: wall time (s), memory, folder and answer (bytes), processes."""

    seconds: float = 10.0
    memory: int = 2 << 30
    processes: int = 64
    answer: int = 8 << 20
    disk: int = 64 << 20

    def __post_init__(self):
        for name, value in asdict(self).items():
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 < value < 2**50
            ):
                raise ValueError(f"limit {name} should be a positive number, not {value!r}")


class Sandbox:
    """One sandbox for the questions of one submission; a new one whenever it has been broken.

    ``ask(job)`` returns (how it ended, lines); see :mod:`exercises.supervisor` for jobs. Use it in
    a ``with`` statement: at its end nothing of it is left.
    """

    def __init__(self, limits, unsafe=False):
        self.limits, self.unsafe, self.process = limits, unsafe, None
        self.asked = 0  # questions that this process has been asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process:
            kill(self.process)
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                stream.close()
        self.process = None

    def ask(self, job):
        fresh = self.process is None
        end, lines = self._ask(job)
        if end == "broken" and not fresh:  # perhaps an earlier question broke it: judge it alone
            end, lines = self._ask(job)
        return ("crashed" if end == "broken" else end), lines

    def _ask(self, job):
        seconds = START + job["seconds"] if self.process is None else job["seconds"]
        if self.process is None:
            self._start()
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            answer = json.loads(self._line(seconds + SLACK))
            end, lines = answer["end"], answer["lines"]
            if end not in ENDS or not all(isinstance(line, str) for line in lines):
                raise ValueError
            return end, lines
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            self.close()
            return "broken", []

    def _line(self, seconds):
        """One line of the supervisor; ValueError if it does not come in time or is too long."""
        deadline, said = time.monotonic() + seconds, bytearray()
        while not said.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            chunk = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not chunk or len(said) > 7 * self.limits.answer:  # JSON may write \u0000 for a byte
                raise ValueError("no answer")
            said += chunk
        return said

    def _start(self):
        command = inner_command(self.limits, self.unsafe)
        if not self.unsafe:
            command = wall(self.limits) + command
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment() if self.unsafe else {"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
            close_fds=True,
        )


ENDS = ("done", "timeout", "crashed", "memory", "flood")


def kill(process):
    """End a sandbox: the namespace dies with bubblewrap, or, without one, its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def environment():
    """The whole environment of student code. One thread, so that answers do not depend on cores."""
    own = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    kept = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # the oracle outside computes with the same
    return own | {name: os.environ[name] for name in kept if name in os.environ}


def inner_command(limits, unsafe):
    folder = unsafe_folder() if unsafe else "/tmp"
    supervisor = INNER / "supervisor.py" if unsafe else "/grader/supervisor.py"
    given = json.dumps(asdict(limits) | {"folder": folder})
    # -I: nothing of the user's own Python settings; -B: no bytecode is written
    return [sys.executable, "-I", "-B", "-X", "utf8", str(supervisor), given]


def wall(limits):
    """The words of bubblewrap that build the sandbox."""
    words = [
        "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1",
        "--hostname", "sandbox", "--clearenv",
    ]  # fmt: skip
    for name, value in environment().items():
        words += ["--setenv", name, value]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            words += ["--ro-bind", path, path]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--ro-bind-try", "/etc/localtime", "/etc/localtime"]
    for path in dict.fromkeys((sys.base_prefix, sys.prefix)):
        if not Path(path).is_relative_to("/usr"):
            for parent in reversed(
                Path(path).parents[:-1]
            ):  # bubblewrap would close them to others
                words += ["--perms", "0755", "--dir", str(parent)]
            words += ["--ro-bind", path, path]
    words += ["--perms", "0755", "--dir", "/grader"]
    for name in ("supervisor.py", "inside.py", "wire.py"):
        words += ["--ro-bind", str(INNER / name), f"/grader/{name}"]
    words += ["--ro-bind", str(OPTLIB), "/grader/optlib"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", "/dev/shm"):
        words += ["--perms", "1777", "--size", str(int(limits.disk)), "--tmpfs", path]
    for path, name in font_cache():
        words += ["--ro-bind", path, f"/tmp/matplotlib/{name}"]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    if os.geteuid() == 0:
        # root needs no user namespace, and must not stay root: a user of its own for each sandbox,
        # so that the limit on processes, which counts by user, counts those of this one alone
        user = str(20_000 + threading.get_native_id() % 40_000)
        words += ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", capability]
        words += ["--", "setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        words += ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
        return [*words, "--no-new-privs"]
    return [*words, "--unshare-user", "--uid", "65534", "--gid", "65534", "--"]


def font_cache():
    """Files of matplotlib's font list, made once here and not again in every sandbox."""
    import matplotlib.font_manager  # makes the list if there is none

    folder = Path(matplotlib.get_cachedir())
    return [(str(path), path.name) for path in sorted(folder.glob("fontlist-*.json"))]


def unsafe_folder():
    folder = tempfile.mkdtemp(prefix="unsafe-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def check(unsafe=False):
    """Raise SandboxError unless a sandbox starts here and holds; ``unsafe`` asks for none."""
    if unsafe:
        return
    if not sys.platform.startswith("linux"):
        raise SandboxError(f"there is no sandbox on {sys.platform}. {REMEDY}")
    for program in ("bwrap", "setpriv") if os.geteuid() == 0 else ("bwrap",):
        if not shutil.which(program):
            raise SandboxError(f"{program} is not installed. {REMEDY}")
    probe = {"cells": [[1, PROBE]], "requests": [], "seconds": 10}
    with Sandbox(Limits()) as sandbox:
        end, lines = sandbox.ask(probe)
        if end != "done":
            sandbox._start()
            try:
                _, said = sandbox.process.communicate(b"", timeout=START)
            except subprocess.TimeoutExpired:
                said = b"it does not answer"
            raise SandboxError(
                "bubblewrap does not start here: "
                f"{said.decode('utf-8', 'replace').strip()[-600:]}\n{REMEDY} "
                "In a container it needs the right to make namespaces; on Ubuntu 24.04 "
                "and later, an AppArmor profile for bwrap that permits user namespaces."
            )
    notes = next((json.loads(line)["notes"] for line in lines if '"notes"' in line), ["no answer"])
    if notes:
        raise SandboxError(f"the sandbox does not hold: {notes[0]}. Nothing was graded. {REMEDY}")


# What a sandbox must refuse. It runs inside as a student's code would.
PROBE = f"""
import os, socket
assert os.getuid() != 0, "student code would be root"
for path in ({str(INNER / "__main__.py")!r}, "/grader/optlib/new", "/usr/new", "/etc/passwd"):
    try:
        open(path, "w" if path.endswith("new") else "r")
    except OSError:
        continue
    raise AssertionError(f"student code would reach {{path}}")
try:
    socket.create_connection(("127.0.0.1", 9), timeout=1)
except ConnectionRefusedError:
    pass  # its own loopback, with nobody on it
except OSError:
    pass
assert [name for _, name in socket.if_nameindex()] in (["lo"], []), "there is a network"
assert len([name for name in os.listdir("/proc") if name.isdigit()]) == 2, "others are seen"
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""
