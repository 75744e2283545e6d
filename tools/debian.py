"""Debian packages, where we may install them: as root, or with a sudo that asks nothing."""

import glob
import os
import shutil
import subprocess


def install(packages):
    """True if they are there now."""
    if not shutil.which("apt-get"):
        return False
    sudo = []
    if os.geteuid() != 0:
        sudo = ["sudo", "-n"]
        if (
            not shutil.which("sudo")
            or subprocess.run([*sudo, "true"], capture_output=True).returncode
        ):
            return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [*sudo, "apt-get", "-qq", *step], capture_output=True, env=environment
        )
    return done.returncode == 0


def sandbox():
    """bubblewrap, in which the code of students runs. Who has none is told by the grader."""
    if not shutil.which("bwrap"):
        print("sandbox: no bubblewrap found; installing it", flush=True)
        install(["bubblewrap"])


def database():
    """PostgreSQL for its one test, on a machine that is nobody's: it brings a service with it."""
    if os.environ.get("CI") and not glob.glob("/usr/lib/postgresql/*/bin/initdb"):
        print("database: no PostgreSQL found; installing it for its test", flush=True)
        install(["postgresql"])


if __name__ == "__main__":
    sandbox()
