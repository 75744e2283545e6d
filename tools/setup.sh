#!/bin/sh
# Makes .venv (pinned Python packages), node_modules (pinned npm packages) and installs optlib in
# place. Runs again only when a lock, pyproject.toml, the Python or the folder has changed.
# LOCK names another lock than requirements.lock (the weekly build tries the newest versions).
set -eu
cd "$(dirname "$0")/.."
lock=${LOCK:-requirements.lock}

fail() { echo "setup: $*" >&2; exit 1; }
good() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
find_python() {  # the first of these that is a Python 3.11 to 3.13; the one chosen before goes first
    for name in ${PYTHON:-$(cat .venv/python 2>/dev/null) python3 python3.13 python3.12 python3.11}; do
        if command -v "$name" >/dev/null && good "$name"; then echo "$name"; return; fi
    done
}
install() {  # Debian packages, where we may install: as root, or with a sudo that asks nothing
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then sudo=
    elif sudo -n true 2>/dev/null; then sudo=sudo
    else return 1; fi
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get -qq update && $sudo apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

quietly() {  # what a step prints is only shown when it fails
    if ! "$@" >>.venv/setup.log 2>&1; then
        cat .venv/setup.log >&2
        fail "this step failed (see above): $*"
    fi
}

[ -f "$lock" ] || fail "LOCK=$lock: there is no such file"
python=$(find_python)
# A virtual environment can't be moved and belongs to one Python: another of either starts afresh.
home="$(pwd) $([ -z "$python" ] || "$python" -c 'import sys; print(sys.version_info[:2])')"
stamp="$(cat tools/setup.sh "$lock" pyproject.toml package-lock.json | cksum) $home"
if [ -x .venv/bin/python ] && [ "$(cat .venv/stamp 2>/dev/null || true)" = "$stamp" ]; then exit 0; fi

# Two `make`s started at once must not fill the same .venv together.
if [ -z "${SETUP_LOCKED:-}" ] && command -v flock >/dev/null; then
    SETUP_LOCKED=1 exec flock .setup.lock sh tools/setup.sh
fi

if [ -z "$python" ]; then
    [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
    install python3 python3-venv || true
    python=$(find_python)
    [ -n "$python" ] || fail "needs Python 3.11, 3.12 or 3.13: install one, or name it: make PYTHON=/path/to/python3 book"
fi
if ! has_venv "$python"; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install "python$version-venv" || install python3-venv || true
    has_venv "$python" || fail "$python cannot make virtual environments: install the package python$version-venv"
fi

echo "setup: installing pinned packages into .venv (a minute or two, once)"
[ "$(cat .venv/home 2>/dev/null || true)" = "$home" ] || rm -rf .venv
rm -f .venv/stamp .venv/setup.log
"$python" -m venv .venv
echo "$home" >.venv/home
command -v "$python" >.venv/python
pip() { quietly .venv/bin/python -m pip install --disable-pip-version-check "$@"; }
pip -r "$lock"
# --no-build-isolation: build with the pinned setuptools instead of fetching a newer one
pip --no-deps --no-build-isolation --editable .
# Node trusts only its own list of certificates, unless told to trust what the system trusts.
export NODE_USE_SYSTEM_CA=1
PATH="$PWD/.venv/bin:$PATH" quietly npm ci --ignore-scripts --no-audit --no-fund
echo "$stamp" >.venv/stamp
echo "setup: done"
