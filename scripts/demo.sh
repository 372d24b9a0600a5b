#!/usr/bin/env bash
# Install what is needed and serve the page on http://$HOST:$PORT (0.0.0.0:7860).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh
exec .venv/bin/python app.py "$@"
