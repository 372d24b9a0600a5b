"""The published model's size on this machine: load seconds, peak memory, seconds a step. Weights are random.

python -m benchmarks.full_size [--dtype fp32] [--format safetensors] [--folder FOLDER] [--width 320]

Builds a checkpoint in the published layout once (5 GB on disk in the folder, kept for the next run), loads it as
users do, generates 4 frames of 256×256 in 2 steps. Each part runs in a process of its own, so that peaks do not mix.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from fyp_core.checkpoints import assembled_source
from fyp_core.devices import DTYPES, Runtime, estimate_peak, in_gib, peak_memory, torch_dtype
from fyp_core.loading import load_pipeline
from fyp_core.pose_encoder import PUBLISHED_PREFIX, PoseEncoder
from fyp_core.unet import PoseVideoUNet
from tests.tiny_formats import published_names
from tests.tiny_model import SCHEDULER, clip_tokenizer

FRAMES, SIZE, STEPS = 4, 256, 2
FULL_WIDTH = 320  # of Stable Diffusion's first level
FORMATS = {"bin": "pytorch_model.bin", "safetensors": "model.safetensors"}
LARGEST_SHARE, LONGEST_LOAD = 1.2, 15.0  # of the weights' size; seconds, of safetensors


def main() -> int:
    """Build, load and generate; exit status 1 where loading takes more than it should."""
    options = _options()
    if options.part == "build":
        build(options.folder, options.format, options.width)
    elif options.part == "run":
        print(json.dumps(run(options.folder, options.format, options.dtype)))
    else:
        return _report(options)
    return 0


def build(folder: Path, form: str, width: int) -> None:
    """Write a random checkpoint in the published layout, its networks ``width / 320`` as wide."""
    torch.manual_seed(0)
    widths = tuple(width * multiple for multiple in (1, 2, 4, 4))
    heads = max(1, 12 * width // FULL_WIDTH)
    base = folder / "stable-diffusion-v1-4"
    (base / "tokenizer").mkdir(parents=True, exist_ok=True)
    clip_tokenizer(base / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=64 * heads,
        intermediate_size=256 * heads,
        num_hidden_layers=12,
        num_attention_heads=heads,
        max_position_embeddings=77,
    )
    CLIPTextModel(text).save_pretrained(base / "text_encoder")
    groups = 32
    vae_width = max(groups, 128 * width // FULL_WIDTH // groups * groups)
    levels = tuple(vae_width * multiple for multiple in (1, 2, 4, 4))
    AutoencoderKL(
        block_out_channels=levels,
        down_block_types=("DownEncoderBlock2D",) * len(levels),
        up_block_types=("UpDecoderBlock2D",) * len(levels),
        layers_per_block=2,
    ).save_pretrained(base / "vae")
    scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, steps_offset=1)
    scheduler.save_pretrained(base / "scheduler")

    pose = PoseEncoder(channels=widths)
    published = published_names(pose.state_dict())
    torch.save(published, folder / "pose_encoder.pth")
    unet = PoseVideoUNet(sample_size=64, cross_attention_dim=text.hidden_size, block_out_channels=widths)
    unet.save_config(base / "unet")
    state = {**unet.state_dict(), **{PUBLISHED_PREFIX + name: tensor for name, tensor in published.items()}}
    network = folder / "followyourpose_checkpoint-1000"
    network.mkdir(exist_ok=True)
    (save_file if form == "safetensors" else torch.save)(state, network / FORMATS[form])


def run(folder: Path, form: str, dtype: str) -> dict[str, float]:
    """Load and generate; bytes and seconds."""
    network = folder / "followyourpose_checkpoint-1000" / FORMATS[form]
    source = assembled_source(folder / "stable-diffusion-v1-4", network, folder / "pose_encoder.pth")
    before = peak_memory("cpu")
    start = time.perf_counter()
    pipeline = load_pipeline(source, "cpu", torch_dtype(dtype))
    load_seconds = time.perf_counter() - start
    load_peak = peak_memory("cpu") - before
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.pose_encoder)
    weights = sum(parameter.nbytes for part in parts for parameter in part.parameters())

    start = time.perf_counter()
    pipeline(
        "a robot",
        torch.rand(FRAMES, 3, SIZE, SIZE),
        height=SIZE,
        width=SIZE,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(0),
    )
    return {
        "parameters_of_unet": sum(p.numel() for p in pipeline.unet.parameters()),
        "weights": weights,
        "load_seconds": round(load_seconds, 2),
        "load_peak": load_peak,
        "generate_seconds": round(time.perf_counter() - start, 2),
        "peak": peak_memory("cpu") - before,
        "estimated_peak": estimate_peak(pipeline, FRAMES, SIZE, SIZE, True, Runtime("cpu")),
    }


def _report(options: argparse.Namespace) -> int:
    network = options.folder / "followyourpose_checkpoint-1000" / FORMATS[options.format]
    if not network.is_file():
        print(f"Building a random checkpoint in {options.folder}")
        _in_own_process("build", options)
    result = json.loads(_in_own_process("run", options).splitlines()[-1])
    share = result["load_peak"] / result["weights"]
    print(
        f"{result['parameters_of_unet'] / 1e6:.0f} M parameters in the UNet, {options.dtype}, {options.format}"
    )
    print(f"load: {result['load_seconds']} s, peak {in_gib(result['load_peak'])}: {share:.2f} × the weights")
    print(
        f"{FRAMES} frames of {SIZE}×{SIZE} in {STEPS} steps: {result['generate_seconds']} s,"
        f" peak {in_gib(result['peak'])}, estimated {in_gib(result['estimated_peak'])}"
    )
    is_slow = options.format == "safetensors" and result["load_seconds"] > LONGEST_LOAD
    return int(share > LARGEST_SHARE or is_slow)


def _in_own_process(part: str, options: argparse.Namespace) -> str:
    command = [sys.executable, "-m", "benchmarks.full_size", "--part", part, "--folder", str(options.folder)]
    command += ["--dtype", options.dtype, "--format", options.format, "--width", str(options.width)]
    root = Path(__file__).resolve().parent.parent
    return subprocess.run(command, cwd=root, check=True, text=True, stdout=subprocess.PIPE).stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--format", choices=FORMATS, default="safetensors", help="of the inflated network")
    parser.add_argument(
        "--folder", type=Path, help="where the checkpoint lies; default: the temporary folder"
    )
    parser.add_argument(
        "--width", type=int, default=FULL_WIDTH, help="multiple of 32: smaller, to try this program"
    )
    parser.add_argument("--part", choices=("build", "run"), help="one part only, in this process")
    options = parser.parse_args()
    default = Path(tempfile.gettempdir()) / f"fyp-width-{options.width}"
    options.folder = (options.folder or default).resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
