"""Each preset against the reference algorithm (benchmarks/reference.py): seconds, memory, share of the machine's rate.

python -m benchmarks.speed [--model mini | sd14] [--frames 8 64] [--size 128] [--rounds 3] [--output speed.json]

``sd14`` has the published model's shape and random weights. Two processes, one for each algorithm, take turns part by
part (a denoising step of each kind, poses, text, decoding), so that whatever else runs on the machine slows both;
the figures are medians over the rounds. End to end is the sum of the parts as often as a video of that preset needs
them, not a run of its own; with ``--whole`` the videos are generated as well.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.tables import as_markdown
from benchmarks.random_model import FULL_WIDTH, clip_tokenizer, random_parts
from benchmarks.reference import STEPS, Reference
from fyp_core import schedulers
from fyp_core.conditioning.conditions import Conditions
from fyp_core.feature_cache import FeatureCache
from fyp_core.generation.device import AUTO_DTYPE, choose_device, choose_dtype, place, torch_dtype
from fyp_core.generation.running.memory import peak_memory, reset_peak
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.presets import PRESETS, PresetName, choose_full_steps
from fyp_core.windows import plan_windows, predict_in_windows

SD14 = "sd14"
REFERENCE, OURS = "reference", "ours"
PROMPT = "a robot on the moon"
MATRIX = "matrix product"
_ORDERS = {False: 2048, True: 8192}  # of the matrices whose product measures the rate of a CPU, of a GPU
STEP, GUIDED, WHOLE = "step", "guided", "whole, "  # names of parts, and what names of whole videos begin with
_COUNTED = (MATRIX, STEP, GUIDED)  # the parts whose floating-point operations are counted
_DECODED = 4  # frames at once

Part = Callable[[], Any]


def load(model: str, dtype: str, device: str, width: int) -> FollowYourPosePipeline:
    """A pipeline; of ``sd14`` with random weights, ``width / 320`` as wide."""
    if model != SD14:
        pipeline = FollowYourPosePipeline.from_pretrained(model, dtype=torch_dtype(dtype))
    else:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = clip_tokenizer(Path(folder))
        with torch.device(device):  # a GPU draws the weights in seconds
            parts = random_parts(width)
        pipeline = FollowYourPosePipeline(tokenizer=tokenizer, **parts).to(torch_dtype(dtype))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def shared_parts(pipeline: FollowYourPosePipeline, frames: int, size: int) -> dict[str, Part]:
    """What both algorithms do besides denoising, and the machine's rate."""
    side, vae = size // pipeline.vae_scale_factor, pipeline.vae
    latents = torch.randn(
        1, vae.config.latent_channels, min(frames, _DECODED), side, side, device=pipeline.device
    )
    order = _ORDERS[pipeline.device.type == "cuda"]
    matrix = torch.randn(order, order, dtype=pipeline.unet.dtype, device=pipeline.device)
    encode = functools.partial(pipeline.encode_prompt, PROMPT, pipeline.device, 1, True)
    return {
        MATRIX: lambda: matrix @ matrix,
        "text": encode,
        "decode": lambda: pipeline.decode_latents(latents, _DECODED),
    }


def reference_parts(pipeline: FollowYourPosePipeline, frames: int, size: int) -> dict[str, Part]:
    """The reference algorithm's parts by name."""
    latents, skeleton = _inputs(pipeline, frames, size)
    embeds, negative = pipeline.encode_prompt(PROMPT, pipeline.device, 1, True)
    reference = Reference(pipeline, skeleton, torch.cat([negative, embeds]))
    return {STEP: lambda: reference.step(latents, 0)}


def our_parts(pipeline: FollowYourPosePipeline, frames: int, size: int) -> dict[str, Part]:
    """Ours; steps by kind: guided or not, computed in full or with features used again."""
    latents, skeleton = _inputs(pipeline, frames, size)
    planned = plan_windows(frames, pipeline.config.window, pipeline.config.window_overlap)
    windows = [window.to(pipeline.device) for window in planned]
    embeds, negative = pipeline.encode_prompt(PROMPT, pipeline.device, 1, True)
    pose_features = functools.partial(
        pipeline.pose_features, skeleton, size, size, 1.0, pipeline.config.window
    )
    conditions = Conditions(torch.cat([negative, embeds]).to(pipeline.unet.dtype), pose_features())
    pipeline.scheduler.set_timesteps(STEPS)
    t = pipeline.scheduler.timesteps[0]
    levels = (t, t.to(pipeline.device))
    in_host = len(windows) > 1
    caches = {guidance: FeatureCache(pipeline.unet, [0], in_host=in_host) for guidance in (1.0, 5.0)}

    def encode_poses() -> None:
        features = pose_features()
        assert features is not None, "the pose has strength 1"
        for window in windows:
            features.take(window, pipeline.device)

    def step(guidance: float, number: int) -> torch.Tensor:
        pipeline.guidance_scale = guidance
        predict = functools.partial(pipeline.predict_noise, caches[guidance], number, levels, conditions)
        return predict_in_windows(predict, latents, windows)

    return {
        GUIDED: functools.partial(step, 5.0, 0),
        f"{GUIDED}, features reused": functools.partial(step, 5.0, 1),
        "unguided": functools.partial(step, 1.0, 0),
        "unguided, features reused": functools.partial(step, 1.0, 1),
        "pose": encode_poses,
    }


def whole_parts(pipeline: FollowYourPosePipeline, frames: int, size: int) -> dict[str, Part]:
    """Whole videos, one a preset."""
    _, skeleton = _inputs(pipeline, frames, size)
    own = pipeline.scheduler

    def generate(name: PresetName) -> None:
        preset = PRESETS[name]
        pipeline.scheduler = schedulers.make_scheduler(preset.scheduler, own)
        sampling = preset.sampling(pipeline.config.default_num_inference_steps)
        pipeline(PROMPT, skeleton, height=size, width=size, decode_chunk_size=_DECODED, **sampling)
        pipeline.scheduler = own

    return {f"{WHOLE}{name}": functools.partial(generate, name) for name in PRESETS}


def _inputs(pipeline: FollowYourPosePipeline, frames: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    side = size // pipeline.vae_scale_factor
    latents = torch.randn(1, pipeline.unet.config.in_channels, frames, side, side, device=pipeline.device)
    skeleton = torch.rand(frames, 3, size, size, device=pipeline.device, dtype=pipeline.pose_encoder.dtype)
    return latents, skeleton


class Algorithm:
    """The reference or ours, in this process.

    Args:
        kind: :data:`REFERENCE` or :data:`OURS`.
        pipeline: that it runs.
        whole: generate whole videos as well.
    """

    def __init__(self, kind: str, pipeline: FollowYourPosePipeline, whole: bool = False) -> None:
        self._kind, self._pipeline, self._whole = kind, pipeline, whole
        self._parts: dict[str, Part] = {}
        self._flops: dict[str, int] = {}

    @torch.no_grad()
    def prepare(self, frames: int, size: int) -> list[str]:
        """Names of the parts of a video of so many frames and pixels a side."""
        self._flops.clear()
        self._parts = shared_parts(self._pipeline, frames, size)
        own = reference_parts if self._kind == REFERENCE else our_parts
        self._parts |= own(self._pipeline, frames, size)
        if self._whole:
            self._parts |= whole_parts(self._pipeline, frames, size)
        return list(self._parts)

    @torch.no_grad()
    def run(self, name: str) -> dict[str, float]:
        """Seconds, floating-point operations and peak bytes of a part."""
        part, device = self._parts[name], str(self._pipeline.device)
        if name not in self._flops:
            self._flops[name] = self._warm_up(name)
        reset_peak(device)
        seconds = seconds_of(part, device)
        return {"seconds": seconds, "FLOP": self._flops[name], "peak": peak_memory(device)}

    def _warm_up(self, name: str) -> int:
        """Floating-point operations of a part, 0 where they are not wanted; the run also chooses kernels.

        A step that reuses features finds those of a full one. Whole videos consist of parts that ran before.
        """
        part = self._parts[name]
        if not name.startswith(WHOLE):
            part()
        if name not in _COUNTED:
            return 0
        with FlopCounterMode(display=False) as counter:
            part()
        return counter.get_total_flops()


class Remote:
    """An algorithm in a process of its own, asked through a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def prepare(self, frames: int, size: int) -> list[str]:
        self._connection.send((frames, size))
        return self._connection.recv()

    def run(self, name: str) -> dict[str, float]:
        self._connection.send(name)
        return self._connection.recv()


def serve(connection: Connection, kind: str, dtype: str, options: argparse.Namespace) -> None:
    """Answer a :class:`Remote` until it sends ``None``."""
    torch.manual_seed(0)
    pipeline = load(options.model, dtype, options.device, options.width)
    if kind == OURS:
        place(pipeline, options.device, low_vram=False)
    algorithm = Algorithm(kind, pipeline, options.whole and kind == OURS)
    while (task := connection.recv()) is not None:
        connection.send(algorithm.prepare(*task) if isinstance(task, tuple) else algorithm.run(task))


def seconds_of(part: Part, device: str) -> float:
    start = time.perf_counter()
    part()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start


@contextmanager
def processes(options: argparse.Namespace, dtype: str) -> Iterator[dict[str, Remote]]:
    """One for each algorithm."""
    context = get_context("spawn")
    connections: dict[str, Connection] = {}
    running = []
    for kind, own in ((REFERENCE, options.reference_dtype), (OURS, dtype)):
        connections[kind], other = context.Pipe()
        process = context.Process(target=serve, args=(other, kind, own, options), daemon=True)
        process.start()
        other.close()  # so that its death is noticed here
        running.append(process)
    try:
        yield {kind: Remote(connection) for kind, connection in connections.items()}
    finally:
        for connection, process in zip(connections.values(), running, strict=True):
            if process.is_alive():
                connection.send(None)
            process.join()


def measure(
    algorithms: Mapping[str, Algorithm | Remote], frames: int, size: int, rounds: int
) -> dict[str, Any]:
    """Medians of all parts, taken in turns."""
    turns = [(kind, name) for kind, one in algorithms.items() for name in one.prepare(frames, size)]
    measured: dict[tuple[str, str], list[dict[str, float]]] = {turn: [] for turn in turns}
    for _ in range(rounds):
        for kind, name in turns:
            measured[kind, name].append(algorithms[kind].run(name))
    seconds = {turn: statistics.median(m["seconds"] for m in each) for turn, each in measured.items()}
    rates = {kind: measured[kind, MATRIX][0]["FLOP"] / seconds[kind, MATRIX] for kind in algorithms}
    steps = {REFERENCE: STEP, OURS: GUIDED}
    return {
        "frames": frames,
        "size": size,
        "seconds": {f"{kind}: {name}": value for (kind, name), value in seconds.items()},
        "share of the matrix rate": {
            kind: measured[kind, name][0]["FLOP"] / seconds[kind, name] / rates[kind]
            for kind, name in steps.items()
            if kind in algorithms
        },
        "peak bytes": {kind: max(m["peak"] for m in measured[kind, steps[kind]]) for kind in algorithms},
    }


def end_to_end(result: dict[str, Any], own_steps: int) -> list[dict[str, Any]]:
    """A row for the reference and for each preset: seconds of a video as the sum of its parts."""
    seconds, frames = result["seconds"], result["frames"]

    def around(kind: str) -> float:
        return seconds[f"{kind}: text"] + seconds[f"{kind}: decode"] * frames / min(frames, _DECODED)

    total = around(REFERENCE) + STEPS * seconds[f"{REFERENCE}: {STEP}"]
    rows = [{"preset": REFERENCE, "steps": STEPS, "seconds": total, "times as fast": 1.0}]
    for name, preset in PRESETS.items():
        steps = preset.steps(own_steps)
        full = choose_full_steps(steps, preset.reuse_at(steps)) or range(steps)
        denoising = sum(
            seconds[f"{OURS}: {GUIDED}" if step in full else f"{OURS}: {GUIDED}, features reused"]
            for step in range(steps)
        )
        own = around(OURS) + seconds[f"{OURS}: pose"] + denoising
        rows.append({"preset": name, "steps": steps, "seconds": own, "times as fast": total / own})
    return rows


def main() -> None:
    options = _options()
    dtype = choose_dtype(options.dtype, options.device)
    results = []
    with processes(options, dtype) as algorithms:
        for frames in options.frames:
            for size in options.size:
                result = measure(algorithms, frames, size, options.rounds)
                result |= {"model": options.model, "dtype": dtype, "rounds": options.rounds}
                result["end to end"] = end_to_end(result, options.own_steps)
                print(json.dumps(result), flush=True)
                results.append(result)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))
        options.output.with_suffix(".md").write_text("\n".join(map(as_document, results)))


def as_document(result: dict[str, Any]) -> str:
    """Markdown of one size."""
    shares = ", ".join(f"{kind} {share:.0%}" for kind, share in result["share of the matrix rate"].items())
    peaks = ", ".join(f"{kind} {peak / 2**30:.1f} GiB" for kind, peak in result["peak bytes"].items())
    parts = [{"part": name, "seconds": value} for name, value in result["seconds"].items()]
    return (
        f"## {result['model']}, {result['frames']} frames of {result['size']}², {result['dtype']}\n\n"
        f"{as_markdown(result['end to end'])}\n"
        f"A guided step's share of the rate of a large matrix product: {shares}. Peak memory: {peaks}.\n\n"
        f"{as_markdown(parts)}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add(
        "--model",
        default="mini",
        help=f"name or folder, or {SD14}: the published model's shape, random weights",
    )
    add("--frames", type=int, nargs="+", default=[8])
    add("--size", type=int, nargs="+", help="pixels a side; default: 128 of mini, 256 of sd14")
    add("--rounds", type=int, default=3)
    add("--device", default=choose_device(None))
    add("--dtype", default=AUTO_DTYPE, help="of ours")
    add("--reference-dtype", default="fp32")
    add("--width", type=int, default=FULL_WIDTH, help="of sd14's first level: smaller, to try this program")
    add("--own-steps", type=int, help="the model's own number of steps; default: 15 of mini, 50 of sd14")
    add("--whole", action="store_true", help="generate whole videos as well")
    add("--output", type=Path, help="JSON to write, and Markdown next to it")
    options = parser.parse_args()
    is_full = options.model == SD14
    options.size = options.size or [256 if is_full else 128]
    options.own_steps = options.own_steps or (STEPS if is_full else 15)
    return options


if __name__ == "__main__":
    main()
