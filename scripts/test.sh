#!/usr/bin/env bash
# Install what is needed and run the tests; arguments go to pytest. Without any, the style is checked as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh dev
if (($# == 0)); then
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
fi
exec .venv/bin/python -m pytest "$@"
