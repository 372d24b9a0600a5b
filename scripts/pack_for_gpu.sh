#!/usr/bin/env bash
# Pack what scripts/gpu_check.sh needs on a machine without a network: the code, mini, and the packages that an
# environment for PyTorch usually lacks, of the versions in .venv.
#   scripts/pack_for_gpu.sh [ARCHIVE]      default: output/gpu_check.tar.gz; PYTHON_VERSION=3.12 of that machine
#   there: tar xzf gpu_check.tar.gz && gpu_check/scripts/gpu_check.sh OUT
# The packages stay in output/gpu_packages, too, where a copied checkout finds them. WITHOUT_PACKAGES=1 leaves them out.
set -euo pipefail
archive=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../output/gpu_check.tar.gz}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
most=$((60 * 1024 * 1024)) # bytes
packages=output/gpu_packages
code=(fyp_core fyp_media pose_extraction benchmarks scripts configs pyproject.toml
    checkpoints/mini checkpoints/judges/classifier.safetensors)

if [[ -z ${WITHOUT_PACKAGES:-} ]]; then
    rm -rf "$packages"
    platforms=()
    for glibc in 2_17 2_24 2_27 2_28; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
    .venv/bin/python -m pip freeze --disable-pip-version-check --exclude-editable |
        grep -iE '^(diffusers|omegaconf|pydantic|pydantic.core|annotated.types|typing.inspection|typing.extensions|importlib.metadata)==' |
        xargs .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
            --implementation cp --python-version "${PYTHON_VERSION:-3.12}" --platform manylinux2014_x86_64 \
            "${platforms[@]}" --dest "$packages"
fi

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
mkdir "$staging/gpu_check"
tar cf - --exclude=__pycache__ "${code[@]}" | tar xf - -C "$staging/gpu_check"
if [[ -z ${WITHOUT_PACKAGES:-} ]]; then cp -r "$packages" "$staging/gpu_check/packages"; fi
mkdir -p "$(dirname "$archive")"
tar czf "$archive" -C "$staging" gpu_check
size=$(stat --format=%s "$archive")
echo "$archive: $((size / 1024 / 1024)) MiB"
((size < most)) || {
    echo "The archive is larger than $((most / 1024 / 1024)) MiB." >&2
    exit 1
}
