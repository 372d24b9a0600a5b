#!/usr/bin/env bash
# Install what is needed and run the tests; arguments go to pytest. Without any, style and types are checked as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh dev
if (($# == 0)); then
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    rm -f fyp_page/*.pyi # Gradio's stubs of components of our own, which mypy would read in place of the code
    .venv/bin/mypy
fi
exec .venv/bin/python -m pytest "$@"
