"""Runs a student's code where it can reach nothing: bubblewrap around exercises/supervisor.py.

Inside there is no network, no process but its own, a read-only system, an empty folder in memory
and an unprivileged user; of this repository the three files of the inner side and optlib. What
comes out is text, and :mod:`exercises.wire` and the checks of a case read it as data.
"""

import atexit
import contextlib
import errno
import functools
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

import psutil
import pyseccomp as seccomp

import optlib

INNER = Path(__file__).resolve().parents[1]  # holds supervisor.py, inside.py and wire.py
OPTLIB = Path(optlib.__file__).resolve().parent
VIRTUAL = sys.prefix != sys.base_prefix
PATIENCE = 120.0, 20.0  # a sandbox that says nothing for 120 s + 20 limits is taken for broken
REMEDY = (
    "Student code is run by bubblewrap (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf "
    "install bubblewrap; on macOS and Windows use a Linux container or virtual machine, see "
    "exercises/README.md)."
)


class SandboxError(RuntimeError):
    """There is no working sandbox; says what is missing and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one question may use: time (s), memory, folder and answer (bytes), processes.

    Time is what passes, less what others have of the processor: see supervisor.used.
    """

    seconds: float = 10.0
    memory: int = 2 << 30
    processes: int = 64
    answer: int = 32 << 20
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
    a ``with`` statement: at its end nothing of it is left. ``used`` counts the seconds of all jobs.
    """

    def __init__(self, limits, unsafe=False):
        self.limits, self.unsafe, self.process, self.used = limits, unsafe, None, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process:
            kill(self.process)
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                with contextlib.suppress(OSError):  # a job that nobody read is written again here
                    stream.close()
        self.process = None

    def ask(self, job):
        """How the run of a job ended, and the lines that were written."""
        fresh = self.process is None
        end, lines = self._ask(job)
        if end == "broken" and not fresh:  # perhaps an earlier question broke it: judge it alone
            end, lines = self._ask(job)
        return ("crashed" if end == "broken" else end), lines

    def _ask(self, job):
        if self.process is None:
            self._start()
        deadline, lines = time.monotonic() + PATIENCE[0] + PATIENCE[1] * job["seconds"], []
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            said = bytearray()
            while True:
                said += self._read(deadline)
                *whole, said = said.split(b"\n")
                for answer in map(json.loads, whole):
                    if answer.get("end") in ENDS:
                        self.used += float(answer["used"])
                        return answer["end"], lines
                    lines += [line for line in answer["lines"] if isinstance(line, str)]
                # JSON may write \u0000 for one byte; the supervisor has counted the bytes
                if len(said) > 7 * self.limits.answer:
                    raise ValueError
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.close()
            self.used += job["seconds"]
            return "broken", lines

    def _read(self, deadline):
        """What the supervisor has written; ValueError if it is gone or says nothing in time."""
        left = max(deadline - time.monotonic(), 0)
        ready, _, _ = select.select([self.process.stdout], [], [], left)
        chunk = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
        if not chunk:
            raise ValueError("no answer")
        return chunk

    def _start(self):
        command = inner_command(self.limits, self.unsafe)
        with tempfile.TemporaryFile() as filter:
            if not self.unsafe:
                filter.write(forbidden_calls())
                filter.seek(0)
                command = wall(self.limits, filter.fileno()) + command
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment() if self.unsafe else {"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
                pass_fds=() if self.unsafe else (filter.fileno(),),
            )


ENDS = ("done", "timeout", "crashed", "memory", "flood")


def kill(process):
    """End a sandbox: bubblewrap, its child (number 1 inside), and with it all that it holds."""
    with contextlib.suppress(psutil.Error):
        for inner in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                inner.kill()
    process.kill()


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
    # -s, -P: no packages of the user or of the current folder; -B: no bytecode is written. Not -I,
    # which would ignore PYTHONHASHSEED, and sets would have another order in each run
    python = sys.executable
    if VIRTUAL and not unsafe:
        python = f"/grader/python/bin/{Path(python).name}"
    return [python, "-s", "-P", "-B", "-X", "utf8", str(supervisor), given]


@functools.cache
def forbidden_calls():
    """A filter for the kernel: system calls that no answer needs and that only widen the door.

    Without it a student could not leave the sandbox either, but set limits on its first process.
    """
    calls = seccomp.SyscallFilter(seccomp.ALLOW)
    rules = dict.fromkeys(FORBIDDEN, []) | {
        "prlimit64": [seccomp.Arg(0, seccomp.NE, 0)],  # of another process
        "clone": [seccomp.Arg(0, seccomp.MASKED_EQ, 1 << 28, 1 << 28)],  # a new user namespace
        # who ignores this signal hides what its children compute from the account of time
        "rt_sigaction": [seccomp.Arg(0, seccomp.EQ, signal.SIGCHLD)],
    }
    for name, arguments in rules.items():
        with contextlib.suppress(OSError, ValueError):  # unknown on this processor
            calls.add_rule(seccomp.ERRNO(errno.EPERM), name, *arguments)
    # clone3 keeps its flags in memory, where a filter cannot look; without it clone is used
    calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0)
        return file.read()


# Shared memory and queues of System V and mqueue outlive the processes, and no limit counts them.
# Who goes behind all others in the queue for the processor would wait there at no cost, and an
# honest answer behind in the queue for the grader with it.
FORBIDDEN = (
    "add_key", "bpf", "chroot", "io_uring_enter", "io_uring_register", "io_uring_setup",
    "ioprio_set", "keyctl", "memfd_create", "memfd_secret", "mount", "mount_setattr", "move_mount",
    "mq_open", "msgget", "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open",
    "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "request_key",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "semget",
    "setns", "setpriority", "shmget", "umount2", "unshare", "userfaultfd",
)  # fmt: skip


def wall(limits, filter):
    """The words of bubblewrap that build the sandbox; ``filter`` is an open file's number."""
    words = [
        "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1",
        "--hostname", "sandbox", "--clearenv", "--seccomp", str(filter),
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
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        for parent in reversed(Path(sys.base_prefix).parents[:-1]):  # or others could not pass
            words += ["--perms", "0755", "--dir", str(parent)]
        words += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    words += ["--perms", "0755", "--dir", "/grader"]
    if VIRTUAL:  # at a place of its own: where it lies may be hidden by /tmp, and is not theirs
        words += ["--ro-bind", sys.prefix, "/grader/python"]
    for name in ("supervisor.py", "inside.py", "wire.py"):
        words += ["--ro-bind", str(INNER / name), f"/grader/{name}"]
    words += ["--ro-bind", str(OPTLIB), "/grader/optlib"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", "/dev/shm"):
        words += ["--perms", "1777", "--size", str(int(limits.disk)), "--tmpfs", path]
    words += ["--perms", "0755", "--dir", "/tmp/matplotlib"]
    for path, name in font_cache():
        words += ["--ro-bind", path, f"/tmp/matplotlib/{name}"]
    # /proc holds settings of the sandbox that its user may change, and that the next question reads
    for path in ("/proc", "/dev", "/"):
        words += ["--remount-ro", path]
    words += ["--chdir", "/tmp"]
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


def check(unsafe=False, private=()):
    """Raise SandboxError unless a sandbox starts here and holds; ``unsafe`` asks for none.

    private : files that nobody inside may see. The system is seen there: a class in /usr/src, too.
    """
    if unsafe:
        return
    if not sys.platform.startswith("linux"):
        raise SandboxError(f"there is no sandbox on {sys.platform}. {REMEDY}")
    for program in ("bwrap", "setpriv") if os.geteuid() == 0 else ("bwrap",):
        if not shutil.which(program):
            raise SandboxError(f"{program} is not installed. {REMEDY}")
    probe = {
        "cells": [[1, PROBE.replace("PRIVATE", repr([str(path) for path in private]))]],
        "requests": [],
        "seconds": 10,
    }
    with Sandbox(Limits()) as sandbox:
        end, lines = sandbox.ask(probe)
        if end != "done":
            sandbox._start()
            try:
                _, said = sandbox.process.communicate(b"", timeout=PATIENCE[0])
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
for path in PRIVATE:
    assert not os.path.lexists(path), f"student code would reach {{path}}: put it elsewhere"
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
