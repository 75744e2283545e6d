#!/bin/sh
# Makes requirements.lock: one list of versions for Python 3.11 to 3.13, without addresses.
# `tools/lock.sh --newest FILE` makes another: the newest that pyproject.toml allows, whatever
# tools/pins.txt holds back. `make LOCK=FILE test` installs that instead.
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "lock: needs uv (pip install uv)" >&2; exit 1; }
case "${1:-}" in
    "") lock=requirements.lock constraint=tools/pins.txt ;;
    --newest) lock=${2:?lock: --newest needs a file} constraint=/dev/null ;;
    *) echo "lock: $1: what is this? (--newest FILE)" >&2; exit 1 ;;
esac
{
    echo "# What \`make\` installs: one lock for Python 3.11 to 3.13. Made by \`make lock\`; the ranges are in"
    echo "# pyproject.toml, the reasons for holding some versions back in tools/pins.txt."
    uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
        --constraint "$constraint" --no-header --no-annotate --no-emit-index-url pyproject.toml
} >"$lock.new"
mv "$lock.new" "$lock"
