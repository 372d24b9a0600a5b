#!/usr/bin/env bash
# Create .venv in the checkout and install the project into it, editable; quick when nothing changed.
#   scripts/install.sh [extra]     data, gpu or dev; PYTHON=python3.12 picks the interpreter
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extra=${1:-}
venv_python=.venv/bin/python
is_supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
version='import sys; print(*sys.version_info[:2], sep=".")'

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3 python}; do
        if "$candidate" -c "$is_supported" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or 3.12 is needed; ${PYTHON:+$PYTHON is neither. }Install one, or name it: PYTHON=/path/to/python3.11 $0" >&2
    return 1
}

usable_venv() {
    # pip comes last: without it, the making of .venv was interrupted
    "$venv_python" -c "import pip; $is_supported" 2>/dev/null || return 1
    [[ -z ${PYTHON:-} || $("$PYTHON" -c "$version" 2>/dev/null) == "$("$venv_python" -c "$version")" ]]
}

if ! usable_venv; then
    python=$(find_python)
    echo "Creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || {
        echo "This Python cannot create virtual environments; on Debian and Ubuntu install python3-venv." >&2
        exit 1
    }
fi

# The stamp holds what was installed: pip runs again when a requirement or the project's own description changes.
stamp=.venv/installed${extra:+-$extra}
if ! cat pyproject.toml requirements*.txt | cmp -s - "$stamp"; then
    echo "Installing Follow Your Pose${extra:+ with the extra \"$extra\"}; the first time this takes a few minutes"
    "$venv_python" -m pip install --disable-pip-version-check --quiet --editable ".${extra:+[$extra]}"
    "$venv_python" -c "import cv2" || {
        echo "OpenCV lacks a system library; on Debian and Ubuntu install libgl1 and libglib2.0-0." >&2
        exit 1
    }
    cat pyproject.toml requirements*.txt >"$stamp"
fi
