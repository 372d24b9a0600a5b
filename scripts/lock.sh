#!/usr/bin/env bash
# Write requirements.lock: the versions that .venv holds, for every package that the project and its data extra need
# on any system. Needs uv. What CUDA's PyTorch brings is left out: PyTorch itself names those versions exactly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tested=$(mktemp)
trap 'rm -f "$tested"' EXIT
.venv/bin/python -m pip freeze --exclude-editable | grep '==' | grep -v '^numpy==' >"$tested" # numpy differs by Python
{
    echo "# The versions the tests ran with; made by scripts/lock.sh, used by LOCKED=1 scripts/install.sh and the Dockerfile."
    uv pip compile requirements.txt requirements-data.txt --quiet --universal --python-version 3.11 \
        --no-header --no-annotate --no-emit-index-url --constraint "$tested" |
        grep -Ev '^(nvidia-|cuda-|triton)'
} >requirements.lock.new
mv requirements.lock.new requirements.lock
