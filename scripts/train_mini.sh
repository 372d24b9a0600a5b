#!/usr/bin/env bash
# Train the mini model from scratch: hours on two cores. After an interruption the same command continues.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh
threads=$(getconf _NPROCESSORS_ONLN) # accelerate's own choice is one
for stage in autoencoder text_to_image pose pose_joint temporal turbo; do
    .venv/bin/accelerate launch --cpu --num_processes 1 --num_cpu_threads_per_process "$threads" \
        train_followyourpose.py --config="configs/mini_$stage.yaml"
done
.venv/bin/python -m fyp_core convert output/mini/turbo/model checkpoints/mini --dtype fp16
