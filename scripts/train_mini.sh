#!/usr/bin/env bash
# Train mini from nothing, hours on two cores, or in a given time on a GPU; after an interruption the same command
# continues. Arguments go to scripts/train_mini.py: --minutes 7 --judges …
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh
exec .venv/bin/python -m scripts.train_mini "$@"
