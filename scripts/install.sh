#!/usr/bin/env bash
# Create .venv in the checkout and install the project into it, editable; quick when nothing changed.
#   scripts/install.sh [extra]     data, gpu, serve or dev; PYTHON=python3.12 picks the interpreter, LOCKED=1 the versions tested
# Where uv is installed it does the work: it is faster, brings a Python of its own if the system has no suitable one,
# and takes PyTorch without CUDA on a machine without a GPU (UV_TORCH_BACKEND=cpu or cu130 decides otherwise).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extra=${1:-}
venv_python=.venv/bin/python
is_supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
version='import sys; print(*sys.version_info[:2], sep=".")'

has_uv() { command -v uv >/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3 python}; do
        if "$candidate" -c "$is_supported" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

usable_venv() {
    # pip comes last: without it, the making of .venv was interrupted
    "$venv_python" -c "import pip; $is_supported" 2>/dev/null || return 1
    [[ -z ${PYTHON:-} || $("$PYTHON" -c "$version" 2>/dev/null) == "$("$venv_python" -c "$version")" ]]
}

create_venv() {
    local python
    if python=$(find_python); then
        echo "Creating .venv with $("$python" --version)"
        "$python" -m venv --clear .venv && return
        has_uv || {
            echo "This Python cannot create virtual environments; on Debian and Ubuntu install python3-venv." >&2
            return 1
        }
    elif [[ -n ${PYTHON:-} ]] || ! has_uv; then
        echo "Python 3.11 or 3.12 is needed; ${PYTHON:+$PYTHON is neither. }Install one, or name it: PYTHON=/path/to/python3.11 $0" >&2
        return 1
    fi
    echo "Creating .venv with a Python that uv finds or downloads"
    uv venv --quiet --clear --seed --python "${python:-3.11}" .venv
}

install_packages() { # arguments as for "pip install"
    if has_uv; then
        # PyTorch has a package source of its own for each backend, which may be out of reach.
        UV_TORCH_BACKEND=${UV_TORCH_BACKEND:-auto} uv pip install --quiet --python "$venv_python" "$@" && return
        echo "uv did not succeed; pip tries" >&2
    fi
    "$venv_python" -m pip install --disable-pip-version-check --quiet "$@"
}

# OpenCV, which MediaPipe brings, draws windows, for which servers lack libraries; there is one without windows.
use_opencv_without_windows() {
    echo "The system lacks a library that OpenCV's windows need (libgl1); taking OpenCV without windows"
    "$venv_python" -m pip uninstall --quiet --yes opencv-contrib-python
    install_packages --no-deps "opencv-contrib-python-headless>=5,<6"
}

usable_venv || create_venv

# The stamp holds what was installed: nothing is installed until a requirement or the project's description changes.
stamp=.venv/installed${extra:+-$extra}
if ! cat pyproject.toml requirements*.txt | cmp -s - "$stamp"; then
    echo "Installing Follow Your Pose${extra:+ with the extra \"$extra\"}; the first time this takes a few minutes"
    install_packages ${LOCKED:+--constraint requirements.lock} --editable ".${extra:+[$extra]}"
    "$venv_python" -c "import cv2" 2>/dev/null || use_opencv_without_windows
    "$venv_python" -c "import cv2" || {
        echo "OpenCV lacks a system library; on Debian and Ubuntu install libgl1 and libglib2.0-0." >&2
        exit 1
    }
    cat pyproject.toml requirements*.txt >"$stamp"
fi
