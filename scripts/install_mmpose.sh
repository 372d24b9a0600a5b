#!/usr/bin/env bash
# Add mmpose to .venv, for --estimator mmpose. Plain "pip install mmpose" fails: chumpy does not build, mmcv does
# not compile against current torch, and the xtcocotools wheel is built for another numpy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh
pip=(.venv/bin/python -m pip install --disable-pip-version-check --quiet)
"${pip[@]}" addict munkres json_tricks platformdirs six termcolor terminaltables pycocotools shapely yapf cython "setuptools<81" wheel
"${pip[@]}" --no-deps mmengine==0.10.7 mmcv-lite==2.1.0 mmpose==1.3.2 mmdet==3.3.0
"${pip[@]}" --no-deps --no-build-isolation --no-binary xtcocotools xtcocotools==1.14.3

# mmcv's compiled operators are imported by name in many places; few models call them, and HRNet does not.
ops=$(.venv/bin/python -c "import importlib.util as u; print(u.find_spec('mmcv').submodule_search_locations[0])")/ops
mkdir -p "$ops"
cat >"$ops/__init__.py" <<'PYTHON'
"""Replaces mmcv's compiled operators, which are not installed."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"mmcv.ops.{name} is not installed; choose a model that does not use it.")

    return type(name, (), {"__init__": __init__})
PYTHON
.venv/bin/python -c "import mmpose.apis" && echo "mmpose is ready: fyp-pose VIDEO -o skeleton.mp4 --estimator mmpose --weights CONFIG.py,CHECKPOINT.pth"
