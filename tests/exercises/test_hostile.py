"""Code that wants points it has not earned, or harm: none gets either, and nobody else pays.

Each attack stands in the cell of `double` (2 points); the rest of the sheet is right (5 points)
and must earn just that, unless the attack wrecks the process that runs the whole sheet. `honest`
is what the answer itself is worth: most are worth nothing.
"""

import base64
import json
import math
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import psutil
import pytest

from exercises import supervisor
from exercises.grading import sandbox
from exercises.grading.grade import grade, pictures
from exercises.grading.sandbox import Limits

sys.path.insert(0, str(Path(__file__).parent))
import tiny

# By the odd number the sandboxes of this test are known among those of others.
LIMITS = Limits(seconds=1.5, memory=1 << 30, answer=1 << 20, disk=(64 << 20) + os.getpid())
RIGHT = "def double(x):\n    return 2 * x\n"
YES = """
class Yes(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return Yes(0)
    __rsub__ = __abs__ = lambda self, *a: Yes(0)
    __hash__ = None
"""
PIPE = """
import json, os
W = next(fd for fd in range(3, 256) if os.path.exists(f"/proc/self/fd/{fd}")
         and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"))
def tell(**line): os.write(W, json.dumps(line).encode() + b"\\n")
"""
# name -> (the cell, points that its honest part earns, status of the question or None for any)
ATTACKS = {
    # to be taken for right
    "equal to everything": (YES + "def double(x): return Yes(1)", 0, "graded"),
    "an array that is close to all": (
        "class A(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return True\n"
        "    def __array_function__(self, *a, **k): return True\n"
        "def double(x): return np.zeros(3).view(A)",
        0, "graded",
    ),
    "an array that lies about its bytes": (
        "class A(np.ndarray):\n    def astype(self, *a, **k): return self\n"
        "    def tobytes(self, *a): return b'\\0' * 24\n"
        "    dtype = np.dtype('<f8')\ndef double(x): return np.ones(3).view(A)",
        0, None,
    ),
    "numpy patched": (
        "np.allclose = np.isclose = np.array_equal = lambda *a, **k: True\n"
        "np.abs = np.absolute = lambda x: np.float64(0)\ndef double(x): return 1.0",
        0, "graded",
    ),
    "builtins patched": (
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.isinstance = lambda *a: True\n"
        "builtins.type = lambda *a: float\ndef double(x): return 1.0",
        0, None,
    ),
    "assert switched off": (
        "import ast, builtins, sys\n"
        "class Strip(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "true_compile = compile\n"
        "def stripped(source, *a, **k):\n"
        "    tree = ast.parse(source) if isinstance(source, str) else source\n"
        "    return true_compile(ast.fix_missing_locations(Strip().visit(tree)), *a[:2])\n"
        "builtins.compile = stripped\nsys.settrace(lambda *a: None)\ndef double(x): return 0.0",
        0, "graded",
    ),
    "the call replaced": (
        "import sys\nfor name in ('inside', '__main__', 'wire'):\n"
        "    module = sys.modules.get(name)\n"
        "    for key in ('answer', 'to_json', '_plain', '_packed'):\n"
        "        if hasattr(module, key): setattr(module, key, lambda *a, **k: '[true]')\n"
        "def double(x): return 0.0",
        0, None,
    ),
    "verdicts forged on every descriptor": (
        "import os\nfor fd in range(3, 64):\n    try:\n"
        "        os.write(fd, b'{\"case\": 0, \"said\": \"true\"}\\n"
        "{\"case\": 1, \"said\": \"{\\\\\"dict\\\\\": {}}\"}\\n"
        "{\"end\": \"done\", \"lines\": []}\\n')\n"
        "    except OSError: pass\ndef double(x): return 0.0",
        0, None,
    ),
    "the end declared early": (
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{\"end\": true}\\n')\n"
        "    except OSError: pass\ndef double(x): return 0.0",
        0, None,
    ),
    "all messages replaced by nonsense": (
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff\\x00[[[{\"case\": -1}\\n"
        "{\"case\": 99999999999, \"said\": 3}\\n{\"cell\": {}}\\n{\"notes\": [[1]]}\\n')\n"
        "    except OSError: pass\n" + RIGHT,
        2, "graded",
    ),
    "frames and objects searched": (
        "import gc, sys\nfound = []\nframe = sys._getframe()\nwhile frame:\n"
        "    found += [v for v in frame.f_locals.values() if callable(v)]\n"
        "    found += [v for v in frame.f_globals.values() if callable(v)]\n"
        "    frame = frame.f_back\n"
        "found += [o for o in gc.get_objects() if type(o).__name__ in ('Case', 'function')]\n"
        "names = [f for f in found if getattr(f, '__name__', '') in ('check', 'is_number')]\n"
        "names = [f for f in names if 'wanted' in f.__code__.co_freevars]\n"
        "def double(x): return names[0].__closure__[0].cell_contents if names else 0.0",
        0, "graded",
    ),
    "a borrowed grade_id": (RIGHT.replace("2 *", "3 *") + "__name__ = 'test_double'", 0, "graded"),
    "the instructor's class of errors": (
        "def double(x):\n    class Wrong(Exception): pass\n    raise Wrong('correct')", 0, "failed",
    ),
    # to see or reach what is not theirs
    "hidden tests read from the disk": (
        "import os\ntexts = [p for p in PRIVATE if os.path.exists(p)]\n"
        "for top in ('/', '/grader', '/home', '/root', '/srv', '/tmp', '/dev/shm', '/mnt'):\n"
        "    for folder, inner, files in os.walk(top):\n"
        "        inner[:] = [i for i in inner if i not in ('proc', 'usr', 'lib', 'lib64')]\n"
        "        texts += [f for f in files if f in ('hidden.py', 'seed.txt', 'mutants.toml',"
        " 'gradebook.db', 'course.toml', 'students.csv')]\n"
        "def double(x): return 2 * x if texts else 0 * x",
        0, "graded",
    ),
    "the first process read": (
        "texts = ''\nfor name in ('environ', 'mem', 'maps', 'fd/0', 'fd/1', 'root/etc/x'):\n"
        "    try: texts += open('/proc/1/' + name, 'rb').read(99).decode('latin1')\n"
        "    except (OSError, ValueError): pass\n"
        "def double(x): return 2 * x if texts.strip() else 0 * x",
        0, "graded",
    ),
    "the first process traced": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "done = [libc.ptrace(16, 1, 0, 0), libc.ptrace(0x4206, 1, 0, 0)]\n"
        "def double(x): return 2 * x if 0 in done else 0 * x",
        0, "graded",
    ),
    "secrets in the environment": (
        "import os\ntext = str(dict(os.environ))\nfor name in os.listdir('/proc'):\n"
        "    try: text += open(f'/proc/{name}/environ').read()\n    except OSError: pass\n"
        "def double(x): return 2 * x if 'SECRET' in text else 0 * x",
        0, "graded",
    ),
    "a user who may do more": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "done = []\nfor call in (lambda: os.setuid(0), lambda: os.chroot('/tmp'),\n"
        "             lambda: os.mknod('/tmp/sda', 0o60666, os.makedev(8, 0))):\n"
        "    try: call(); done.append(1)\n    except OSError: pass\n"
        "if libc.mount(b'none', b'/usr', b'tmpfs', 0, 0) == 0: done.append(2)\n"
        "def double(x): return 2 * x if done or os.getuid() == 0 else 0 * x",
        0, "graded",
    ),
    "optlib and the grader overwritten": (
        "import pathlib\ndone = []\nimport optlib\n"
        "for path in (optlib.__file__, '/grader/wire.py', np.__file__, '/usr/x'):\n"
        "    try: pathlib.Path(path).write_text('x'); done.append(path)\n    except OSError: pass\n"
        "def double(x): return 2 * x if done else 0 * x",
        0, "graded",
    ),
    "the network": (
        "import socket\ndone = []\nfor host in ('127.0.0.1', 'localhost', '192.0.2.1'):\n"
        "    try: socket.create_connection((host, PORT), timeout=0.2); done.append(host)\n"
        "    except OSError: pass\ndef double(x): return 2 * x if done else 0 * x",
        0, "graded",
    ),
    # to break the grader or to take its time: `double` pays, `total` and `step` do not
    "an endless loop": ("while True: pass", 0, "timeout"),
    "an endless call": ("def double(x):\n    while True: pass", 0, "timeout"),
    "an endless call that catches all": (
        "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "def double(x):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        0, "timeout",
    ),
    "a long sleep": ("import time\ndef double(x):\n    time.sleep(1000)", 0, "timeout"),
    "a clock that stands still": (
        "import time\ntime.monotonic = time.time = time.perf_counter = lambda: 0.0\n"
        "def double(x):\n    while time.monotonic() < 1: pass",
        0, "timeout",
    ),
    "a list without an end": (
        "class L(list):\n    def __iter__(self):\n        while True: yield 1.0\n"
        "def double(x): return L()",
        0, None,
    ),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", 0, "timeout"),
    "os._exit": ("import os\ndef double(x): os._exit(0)", 0, "crashed"),
    "os._exit at once": ("import os\nos._exit(0)", 0, "crashed"),
    "sys.exit after the right answer": (RIGHT + "import sys\nsys.exit(0)", 2, "graded"),
    "KeyboardInterrupt": (RIGHT + "raise KeyboardInterrupt", 2, "graded"),
    "a segmentation fault": ("import ctypes\ndef double(x): ctypes.string_at(0)", 0, "crashed"),
    "kills everything": (
        "import os, signal\nfor pid in (1, -1, os.getppid()):\n"
        "    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):\n"
        "        try: os.kill(pid, s)\n        except OSError: pass\nos.kill(os.getpid(), 9)",
        0, "crashed",
    ),
    "limits of the first process": (
        "import resource, os\nfor what in range(16):\n"
        "    try: resource.prlimit(1, what, (0, 0))\n    except (OSError, ValueError): pass\n"
        "try: os.setpriority(os.PRIO_PROCESS, 1, 19)\nexcept OSError: pass\n"
        "def double(x): return 0.0",
        0, None,
    ),
    "memory": ("def double(x):\n    return [bytearray(1 << 28) for _ in range(64)]", 0, None),
    "memory of many": (
        "import os, time\nheap = bytearray(b'x') * (300 << 20)\nfor _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        heap = bytearray(b'y') * (300 << 20); time.sleep(9); os._exit(0)\n"
        "time.sleep(9)",
        0, None,
    ),
    "a storm of forks": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", 0, None,
    ),
    "a storm of threads": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(9,)).start()",
        0, None,
    ),
    "a daemon": (
        RIGHT + "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True: time.sleep(1)\n    os._exit(0)\nos.wait()",
        2, "graded",
    ),
    "a full disk": (
        RIGHT + "for place in ('/tmp/a', '/dev/shm/a', 'a'):\n    try:\n"
        "        with open(place, 'wb') as f:\n"
        "            for _ in range(4096): f.write(b'x' * (1 << 20))\n    except OSError: pass",
        2, None,
    ),
    "a flood of output": (
        RIGHT + "import os\nfor _ in range(2000): print('x' * 50_000); os.write(2, b'x' * 50_000)",
        2, "graded",
    ),
    "a flood where it hurts": (
        "import os\nwhile True:\n    for fd in range(3, 20):\n"
        "        try: os.write(fd, b'x' * 65536)\n        except OSError: pass",
        0, None,
    ),
    "an answer of a gigabyte": ("def double(x): return 'x' * 900_000_000", 0, None),
    "nested without end": (
        "def double(x):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a", 0, "graded",
    ),
    "nan, inf and minus zero": ("def double(x): return float('nan')", 0, "graded"),
    "a number that is too long": ("def double(x): return 10**5000", 0, "graded"),
    "an object that pickles to a program": (
        "class P:\n    def __reduce__(self): import os; return (os.system, ('touch /tmp/pwned',))\n"
        "def double(x): return P()",
        0, "graded",
    ),
    "an error that cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise self\n"
        "class M(type):\n    __name__ = property(lambda c: 1 / 0)\n"
        "def double(x): raise E()",
        0, "failed",
    ),
    "an error whose text has no end": (
        "class E(Exception):\n    def __str__(self): return 'x' * 10**8\ndef double(x): raise E()",
        0, None,
    ),
    "null bytes": ("x = '\0'", 0, "missing"),
    "a parser's nightmare": ("(" * 50_000, 0, "missing"),
    "a compiler's nightmare": ("x = " + "-" * 400_000 + "1", 0, None),
    "half of a character": ("x = '\ud800'", 0, "missing"),
    "escapes for the terminal": (
        "def double(x): raise ValueError('\\x1b]0;owned\\x07\\x1b[2J\\u202e')", 0, "failed",
    ),
    "a forged number of 4000 digits": (
        PIPE + "def double(x): tell(case=0, said='{\"dict\": {\"returned\": ' + '9' * 4000 + '}}')",
        0, "graded",
    ),
    "texts that would fill all memory as an array": (
        "def double(x): return ['x' * 150_000] + [''] * 40_000", 0, "graded",
    ),
    "a flood of empty lines": (
        PIPE + "for _ in range(15): os.write(W, b'\\n' * 60_000)\n" + RIGHT, 0, "crashed",
    ),
    "a cell that does not exist, a new one each time": (
        PIPE + "tell(cell=int.from_bytes(os.urandom(4), 'big'))\nos._exit(1)",
        0, "crashed",
    ),
    "children whose time nobody is told": (
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n"
        "    if os.fork() == 0:\n        end = time.time() + 0.03\n"
        "        while time.time() < end: pass\n        os._exit(0)",
        0, None,
    ),
    "behind all others in the queue": (
        RIGHT.replace("2 *", "3 *")
        + "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n" + RIGHT,
        0, "graded",
    ),
    "names that are no text": (
        "import ctypes, os\nfor _ in range(8):\n    if os.fork() == 0:\n"
        "        ctypes.CDLL(None).prctl(15, b'\\xff) \\xfe', 0, 0, 0)\n"
        "        while True: pass\nwhile True: pass",
        0, "timeout",
    ),
    "memory that is nobody's": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "done = [libc.shmget(0, 1 << 28, 0o1600), libc.msgget(0, 0o1600)]\n"
        "done += [libc.semget(0, 1, 0o1600), libc.mq_open(b'/x', 0o102, 0o600, None)]\n"
        "def double(x): return 2 * x if max(done) >= 0 else 0 * x",
        0, "graded",
    ),
}  # fmt: skip

# All cells of a sheet share one process, so whoever wrecks it there wrecks the own other answers.
SABOTAGE = {
    "assert switched off", "the call replaced", "verdicts forged on every descriptor",
    "builtins patched", "the end declared early", "a flood where it hurts",
    "a cell that does not exist, a new one each time",
}  # fmt: skip


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", autouse=True)
def machine():
    """At the end the machine is as it was: no process, no file, no socket."""
    sandbox.font_cache()
    yield
    own = psutil.Process()
    left = [p.cmdline() for p in own.children(recursive=True) if p.status() != "zombie"]
    assert not [words for words in left if "bwrap" in words]
    everybody = [p.info["cmdline"] or () for p in psutil.process_iter(["cmdline"])]
    assert not [words for words in everybody if str(LIMITS.disk) in str(words)]
    assert not os.path.exists("/tmp/pwned")


@pytest.fixture(scope="module")
def port():
    """A server that a sandbox must not reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_what_is_honest_in_it(assignment, name, port, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "SECRET")
    attack, honest, status = ATTACKS[name]
    private = [str(assignment.folder / "hidden.py"), str(sandbox.INNER / "cases.py")]
    attack = attack.replace("PORT", str(port)).replace("PRIVATE", str(private))
    data = tiny.submission(double=attack)
    start = time.monotonic()
    record = grade(assignment, data, limits=LIMITS, render=False)
    assert time.monotonic() - start < 20  # of a sheet, on a loaded machine; seconds 1.5 each
    parts = record["questions"]
    assert parts["test_double"]["points"] == honest, parts["test_double"]
    rest = parts["test_total"]["points"], parts["test_step"]["points"]
    assert rest == (3, 2) or (name in SABOTAGE and rest[0] <= 3 and rest[1] <= 2), parts
    if status:
        assert parts["test_double"]["status"] == status, parts["test_double"]
    text = json.dumps(record)
    assert len(text) < 50_000 and "\x1b" not in json.loads(text).__str__()


LEAVE = """
import os, socket
def double(x):
    for place in ("/tmp", "/dev/shm", "/tmp/matplotlib"):
        try:
            os.makedirs(place + "/deep" * 3, exist_ok=True)
            open(place + "/x", "w").write(str(x))
            os.symlink("/", place + "/link")
            os.chmod(place + "/deep/deep", MODE)
        except OSError:
            pass
    return 2 * x
"""
FIND = """
import os
def total(values):
    places = ("/tmp", "/dev/shm", "/tmp/matplotlib")
    found = [os.listdir(place) for place in places if os.path.exists(place)]
    if any(v != v for v in values): raise ValueError(found)
    return sum(values) if not any({"x", "deep", "link"} & set(f) for f in found) else "seen"
"""


@pytest.mark.parametrize("mode", ["0o777", "0"])
def test_a_question_leaves_nothing_to_the_next(assignment, mode):
    data = tiny.submission(double=LEAVE.replace("MODE", mode), total=FIND)
    record = grade(assignment, data, limits=LIMITS, render=False)
    assert [part["points"] for part in record["questions"].values()] == [2, 3, 2], record


def test_a_sandbox_that_died_between_two_jobs_is_replaced():
    job = {"cells": [[1, "x = 1"]], "seconds": LIMITS.seconds, "requests": []}
    with sandbox.Sandbox(LIMITS) as box:
        assert box.ask(job)[0] == "done"
        dead = box.process
        sandbox.kill(dead)
        dead.wait()
        assert box.ask(job)[0] == "done" and box.process is not dead


def test_many_files_left_behind_cost_nobody_time(assignment):
    many = "import os\ndef double(x):\n    for i in range(20_000): open(f'/tmp/{i}', 'w').close()\n"
    data = tiny.submission(double=many + "    return 2 * x", total=FIND)
    record = grade(assignment, data, limits=LIMITS, render=False)
    assert [part["points"] for part in record["questions"].values()] == [2, 3, 2], record


def test_who_refuses_everything_refuses_nothing(assignment):
    total = "class E(ValueError): pass\ndef total(values): raise E('no')"
    part = grade(assignment, tiny.submission(total=total), limits=LIMITS, render=False)
    part = part["questions"]["test_total"]
    assert part["points"] == 0 and part["status"] == "failed"
    assert "where an answer is wanted" in part["cases"][2]["feedback"]


def test_many_cells_that_end_the_program_are_not_all_tried(assignment, monkeypatch):
    asked = []
    ask = sandbox.Sandbox.ask
    monkeypatch.setattr(sandbox.Sandbox, "ask", lambda *a: (asked.append(1), ask(*a))[1])
    notebook = json.loads(tiny.submission())
    end = {"cell_type": "code", "metadata": {}, "source": "import os\nos._exit(1)"}
    notebook["cells"] = [end] * 200 + notebook["cells"]
    record = grade(assignment, json.dumps(notebook).encode(), limits=LIMITS, render=False)
    assert len(asked) < 30
    assert {part["status"] for part in record["questions"].values()} == {"crashed"}


def test_a_picture_that_unfolds_to_gigabytes_is_not_shown():
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR"
    for side, kept in ((1000, 1), (50_000, 0)):
        data = head + 2 * side.to_bytes(4, "big") + b"\x08\x02\0\0\0"
        assert len(pictures([{"png": base64.b64encode(data).decode()}])) == kept


def test_sets_have_the_same_order_in_every_sandbox(assignment):
    data = tiny.submission(double="def double(x): raise ValueError(str(set('abcdefgh')))")
    one, other = (grade(assignment, data, limits=LIMITS, render=False) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("flood", [b"\n" * 20_000, b"x" * 50_000], ids=["lines", "one line"])
def test_what_stands_before_a_flood_is_passed_on(flood, monkeypatch):
    """It says in which cell the flood began, even if both come in one piece."""
    heard = []
    monkeypatch.setattr(supervisor, "tell", lambda **what: heard.append(what))
    monkeypatch.setattr(supervisor.select, "poll", mock.MagicMock())  # a grader who listens
    supervisor.select.poll().poll.return_value = []
    reader, writer = os.pipe()
    os.write(writer, b'{"cell": 7}\n' + flood)
    limits = {"answer": 40_000, "memory": math.inf}
    with subprocess.Popen(["sleep", "60"]) as child:
        end, _ = supervisor.listen(child.pid, reader, 60, limits)
        child.kill()
    os.close(reader), os.close(writer)
    assert end == "flood" and heard[0]["lines"][0] == '{"cell": 7}'
    assert sum(len(what["lines"]) for what in heard) <= supervisor.MOST_LINES
