#!/usr/bin/env bash
# Measure this project on the GPU of this machine, without a network; results go to OUT/gpu_check.json and .md.
#   scripts/gpu_check.sh OUT [--minutes 9] [--only PART ...] [--toy]
# Runs with .venv where there is one, else with the python3 that holds PyTorch (PYTHON=... names another). Packages that
# scripts/pack_for_gpu.sh has put into packages/ or output/gpu_packages/ are added to it for this run.
set -euo pipefail
out=$(realpath -m "${1:?name the folder of the results}")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
if [[ -z ${PYTHON:-} && -x .venv/bin/python ]]; then
    python=.venv/bin/python
else
    for folder in packages output/gpu_packages; do
        if compgen -G "$folder/*.whl" >/dev/null; then
            site=$(mktemp -d)
            trap 'rm -rf "$site"' EXIT
            "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile \
                --target "$site" "$folder"/*.whl
            export PYTHONPATH=$site
            break
        fi
    done
fi
PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 "$python" -m benchmarks.gpu.check "$out" "$@"
