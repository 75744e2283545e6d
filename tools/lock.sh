#!/bin/sh
# Makes requirements.lock: one list of versions for Python 3.11 to 3.13, without addresses.
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "lock: needs uv (pip install uv)" >&2; exit 1; }
{
    echo "# What \`make\` installs: one lock for Python 3.11 to 3.13. Made by \`make lock\`; the ranges are in"
    echo "# pyproject.toml, the reasons for holding some versions back in tools/pins.txt."
    uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
        --constraint tools/pins.txt --no-header --no-annotate --no-emit-index-url pyproject.toml
} >requirements.lock.new
mv requirements.lock.new requirements.lock
