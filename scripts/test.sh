#!/usr/bin/env bash
# Install what is needed and run the tests; arguments go to pytest. Without any, style and types are checked as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh dev
if (($# == 0)); then
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
fi
# A process a core, at most 8, with one thread for torch in each: threads of two processes on one core wait for each
# other. A file's tests share fixtures, so they stay together; the slow files come first.
export OMP_NUM_THREADS=1
exec .venv/bin/python -m pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder "$@"
