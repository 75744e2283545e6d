"""Files that are whole or absent, whatever happens meanwhile; and one writer a class."""

import contextlib
import fcntl
import os
from pathlib import Path


class Busy(RuntimeError):
    """Another process writes into this class now."""


def write_atomically(path, data):
    """Put ``data`` (bytes) at ``path``: a reader sees the old file or the new one, never a part."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")  # what a killed run left is overwritten
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def writing(folder):
    """Whether the process that last held the lock of a class lives (not whether it holds it)."""
    try:
        os.kill(int((Path(folder) / ".lock").read_text()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


@contextlib.contextmanager
def sole_writer(folder):
    """Hold the lock of a class; Busy if another process does. It ends with the process."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / ".lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Busy(
                f"{folder}: process {lock.read().strip() or '?'} is writing into this class; wait "
                "until it has ended, or end it (nothing gets lost), and start again"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
