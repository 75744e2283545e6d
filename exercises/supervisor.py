"""The first process inside a sandbox: forks a child for each question and ends it in time.

It reads one JSON object a line from standard input and answers each with one line:

``{"cells": [[number, text], ...], "seconds": s, "requests": [text, ...]}``
    a child runs the cells and answers the requests (:func:`inside.answer`);
``{"cells": ..., "seconds": s, "show": [number, text]}``
    a child runs the cells, then that one, and gives what it prints and draws (:func:`inside.show`).

The answers are any number of ``{"lines": [...]}``, lines that the child wrote, unread, and at last
``{"end": how, "used": seconds}``: how it ended (done, timeout, crashed, memory, flood).

All code of a student runs in such a child; when it is done, every process of the sandbox but this
one is killed and every file deleted. This process can be neither signalled nor traced from inside,
for it is number 1 and not dumpable. Should a student bring it down all the same, the grader outside
asks again in a new one.
"""

import ctypes
import importlib.machinery
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import inside

ALONE = os.getpid() == 1  # in a sandbox: every other process is the student's
PAUSE = 0.05  # seconds between two looks at the memory
PLACES = ("/tmp", "/dev/shm")  # where a student can write, in memory
OF_A_NAME = 2048  # bytes that the kernel keeps for a file, however empty
MOST_FILES = 1000  # that are deleted one by one
MOST_LINES = 10_000  # of a child: one for a cell, two for a request
LATER = {}  # modules that are loaded at their first use


def main():
    limits = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # number 1 gets no signal that it does not handle
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no ptrace, no /proc/1/mem
    import numpy  # noqa: F401  (here, once, instead of in every child)

    import optlib  # noqa: F401

    postpone()
    at_first = set(paths()) if ALONE else None
    for line in sys.stdin.buffer:
        job = json.loads(line)
        if "show" in job and not LATER:
            load_drawing()
            at_first = set(paths()) if ALONE else None
        end, taken = ask(job, limits)
        tell(end=end, used=taken)
        if ALONE and not swept(at_first):
            os._exit(1)  # the next question gets a new sandbox


def tell(**what):
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")
    sys.stdout.buffer.flush()


class Later(types.ModuleType):
    """A stand-in for a module that takes long to load and that most answers never use."""

    def __getattr__(self, name):
        if name in ("__spec__", "__file__", "__loader__"):
            raise AttributeError(name)
        return getattr(load_drawing()[self.__name__], name)

    def __setattr__(self, name, value):
        setattr(load_drawing()[self.__name__], name, value)


def postpone():
    for name in ("matplotlib", "matplotlib.pyplot"):
        sys.modules[name] = Later(name)
    # What the words "import" and "from" ask for must not load it yet.
    place = importlib.machinery.PathFinder.find_spec("matplotlib").submodule_search_locations
    vars(sys.modules["matplotlib"]).update(
        pyplot=sys.modules["matplotlib.pyplot"], __path__=list(place)
    )


def load_drawing():
    """The real modules; loaded by the first who needs them, here or in a child."""
    if not LATER:
        for name in ("matplotlib", "matplotlib.pyplot"):
            del sys.modules[name]
        import matplotlib
        import matplotlib.pyplot

        LATER.update({"matplotlib": matplotlib, "matplotlib.pyplot": matplotlib.pyplot})
    return LATER


def ask(job, limits):
    """Fork a child for one question, pass on what it writes; (how it ended, seconds used)."""
    folder = os.path.join(limits["folder"], "question")
    os.mkdir(folder, 0o700)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            work(job, writer, folder, limits)
        finally:
            os._exit(1)
    os.close(writer)
    try:
        return listen(child, reader, job["seconds"], limits)
    finally:
        end_all(child)
        os.close(reader)
        if not ALONE:
            shutil.rmtree(folder, ignore_errors=True)


def paths():
    """Whatever stands where a student can write; a folder comes before what is in it."""
    for place in PLACES:
        for folder, inner, files in os.walk(place):
            yield from (os.path.join(folder, name) for name in inner + files)


def swept(at_first):
    """Delete what a question has left, lest another one reads it; whether that was possible."""
    new = []
    for path in paths():
        if path not in at_first:
            new.append(path)
        if len(new) > MOST_FILES:  # it takes less time to throw the whole sandbox away
            return False
    for path in reversed(new):
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            else:
                os.unlink(path)
        except OSError:
            return False
    return True


# In the child


def work(job, writer, folder, limits):
    """Run the student's cells and answer; whatever happens here is in the student's hands."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # the pipes of the supervisor are not the student's
        os.dup2(nothing, descriptor)
    os.setsid()
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder)
    for what, most in (
        (resource.RLIMIT_CPU, int(job["seconds"]) + 2),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_NPROC, limits["processes"] if ALONE else resource.RLIM_INFINITY),
        (resource.RLIMIT_NOFILE, 64),  # a pair of sockets can hold 400 kB that no limit counts
        (resource.RLIMIT_CORE, 0),
    ):
        if most != resource.RLIM_INFINITY:
            resource.setrlimit(what, (most, most))

    def say(**line):
        data = json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(writer, data) :]

    numbers = [number for number, _ in job["cells"]]
    namespace, errors = inside.load(
        [text for _, text in job["cells"]], numbers, before=lambda number: say(cell=number)
    )
    say(notes=errors)
    if "show" in job:
        number, text = job["show"]
        say(cell=number)
        say(shown=inside.show(namespace, number, text))
    for i, request in enumerate(job.get("requests", ())):
        say(case=i)
        say(case=i, said=inside.answer(namespace, request))
    say(end=True)
    os._exit(0)


# In the parent


def listen(child, reader, seconds, limits):
    """Pass on what the child writes until it ends or must end; (how it ended, seconds used)."""
    os.set_blocking(reader, False)
    size, count, rest = 0, 0, bytearray()
    start, own, taken = time.monotonic(), time.process_time(), 0.0
    grader = select.poll()
    grader.register(0, 0)  # tells when nobody is left to write to the standard input
    while True:
        select.select([reader], [], [], PAUSE)
        if grader.poll(0):
            os._exit(1)  # and with number 1 ends everything in the sandbox
        gone = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        # what this process does for the student counts as well: nobody keeps it busy for nothing
        taken = max(taken, used(child, time.monotonic() - start, time.process_time() - own))
        if gone:
            end_all(child)  # so that nobody writes on while the rest is read
        # once a round, or one who writes as fast as this reads would never be looked at
        while chunk := read(reader):
            # what stands before a flood is passed on: it says in which cell the flood began
            rest += chunk[: limits["answer"] - size]
            size += len(chunk)
            if b"\n" in chunk:
                *lines, rest = rest.split(b"\n")
                known = lines[: MOST_LINES - count]
                count += len(lines)
                tell(lines=[line.decode("utf-8", "replace") for line in known])
                if lines and lines[-1] == b'{"end": true}' and count <= MOST_LINES:
                    return "done", taken
            if size > limits["answer"] or count > MOST_LINES:
                return "flood", taken
            if not gone:
                break
        if gone:
            return "crashed", taken
        if taken > seconds:
            return "timeout", taken
        if memory(child) > limits["memory"]:
            return "memory", taken


def used(child, wall, own=0.0):
    """Seconds that count: those that passed, without those in which others had the processor.

    A loaded machine must not cost a right answer its points. Many processes that wait for each
    other must not gain by it: what they have computed together counts as well. (What a process has
    computed is added to its parent's when that one waits for it. A parent that does not care would
    lose it, so the sandbox does not let anybody set that; see sandbox.forbidden_calls.)
    """
    waited = number(f"/proc/{child}/schedstat", 1) / 1e9
    ticks = sum(
        number(f"/proc/{pid}/stat", field) for pid in students(child) for field in range(-39, -35)
    )  # from the right, for the name of a process may hold blanks: utime, stime, cutime, cstime
    return max(wall - waited, ticks / os.sysconf("SC_CLK_TCK") + own)


def students(child):
    """The processes of the student."""
    found = [name for name in os.listdir("/proc") if name.isdigit()] if ALONE else [str(child)]
    return [name for name in found if int(name) != os.getpid()]


def number(path, field):
    """One number of a file in /proc; 0 if the process has ended or the kernel does not tell."""
    try:
        with open(path, "rb") as file:  # the name of a process may be no text
            return int(file.read().split()[field])
    except (OSError, IndexError, ValueError):
        return 0


def read(reader):
    try:
        return os.read(reader, 1 << 20)
    except BlockingIOError:
        return b""


def memory(child):
    """Bytes that all processes of the student hold together, and their files' names."""
    pages = sum(number(f"/proc/{pid}/statm", 1) for pid in students(child))
    names = 0
    if ALONE:
        for place in PLACES:
            room = os.statvfs(place)
            names += room.f_files - room.f_ffree
    return pages * resource.getpagesize() + names * OF_A_NAME


def end_all(child):
    """Kill every process of the student; return when none is left."""
    while True:
        try:
            if ALONE:
                os.kill(-1, signal.SIGKILL)  # all but number 1 itself
            else:
                os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            if os.waitpid(-1, 0 if not ALONE else os.WNOHANG) == (0, 0):
                time.sleep(0.001)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
