#!/usr/bin/env bash
# The paper's comparison at mini's size, trained from mini's autoencoder: about two hours on two cores with bf16.
# After an interruption the same command continues. Arguments go to every training: scripts/paper_table.sh mixed_precision=bf16
#
# Two stages as in the paper see 700 x 32 pictures and 800 x 4 x 8 frames; one stage sees as many, 1,500 x 4 x 8.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install.sh
threads=$(getconf _NPROCESSORS_ONLN) # accelerate's own choice is one
folder=output/paper
overrides=("$@")

train() { # stage, model to start from, further overrides
    .venv/bin/accelerate launch --cpu --num_processes 1 --num_cpu_threads_per_process "$threads" \
        train_followyourpose.py --config="configs/mini_$1.yaml" pretrained_model_path="$2" \
        output_dir="$folder/$1" train_data.cache="$folder/latents" "${@:3}" "${overrides[@]}"
}

train text_to_image checkpoints/mini max_train_steps=2000 train_batch_size=32 lr_scheduler=cosine \
    model.unet.temporal_padding=zeros # as published; mini itself has "replicate"
train pose "$folder/text_to_image/model" max_train_steps=700 train_batch_size=32
train temporal "$folder/pose/model" max_train_steps=800
train one_stage "$folder/text_to_image/model" max_train_steps=1500
.venv/bin/python -m benchmarks.paper_table --model "$folder/temporal/model" --stage-1 "$folder/pose/model" \
    --one-stage "$folder/one_stage/model" --tune-steps 200 \
    --clips 24 --frames 8 --seed 1 --output "$folder/table.json"
