"""Clips of the procedural world, rendered and encoded once: what the diffusion stages train on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, Dataset, default_collate
from tqdm import tqdm

from fyp_core.synthetic import STYLES, WorldClip, caption, render_skeletons, sample_clip
from fyp_core.training.batches import leave_signals_to_parent
from fyp_core.training.config import WorldData
from fyp_core.training.data.samples import ENDLESS
from fyp_media.files import check_folder, replacing

logger = logging.getLogger(__name__)

_PICTURES_OF_A_WORLD = 64  # enough to contain every character and scene
_CLIPS_ENCODED_AT_ONCE = {"cpu": 4, "cuda": 32}
_HIDDEN_JOINTS_SHARE = 0.1  # of the samples lose a few joints, as estimators do on real video
_HIDDEN_LIMBS_SHARE = 0.1  # and as many all of a limb, the face or what is below the knees
_LIMBS = ((1, 2, 3, 4), (7, 9), (8, 10), (13, 15), (14, 16), (15, 16), (13, 14, 15, 16))  # COCO's joints
_JOINT_NOISE = 0.003  # of the picture's side
_LINE_WIDTHS = (0.008, 0.016)  # of the picture's side
_TENSORS = ("latents", "keypoints", "scores")
_SIZE_DRAW = 1  # in addition to the seed and the number of a batch
_FADED_SHARE, _FAINTEST = 0.5, 0.35  # thin lines of a large skeleton video become darker when it is shrunk


def draw_people(rng: np.random.Generator, config: WorldData) -> int:
    """How many people a clip has, by the configured shares."""
    return 1 + int(rng.choice(len(config.people), p=np.divide(config.people, sum(config.people))))


def sample_world(
    rng: np.random.Generator,
    config: WorldData,
    num_frames: int,
    split: Literal["train", "all"] = "train",
    size: tuple[int, int] | None = None,
    people: int | None = None,
) -> WorldClip:
    """A clip with the configured styles, of the pairs and motions of a split; without ``people`` these are drawn."""
    return sample_clip(
        rng,
        num_frames,
        size or config.size,
        split=split,
        motions=split,
        people=people or draw_people(rng, config),
        style_probability=config.style_probability,
        styles=config.styles or STYLES,
    )


@dataclass(frozen=True)
class EncodedClips:
    """Clips of one size.

    latents: (n, f, c, h, w) float16; keypoints: (n, f, p, 17, 2) pixels; scores: (n, f, p, 17), 0 for people that a
    clip lacks; size: height and width in pixels; labels: n times characters, scene, motion, style.
    """

    latents: torch.Tensor
    keypoints: torch.Tensor
    scores: torch.Tensor
    size: tuple[int, int]
    labels: list[tuple[list[str], str, str, str]]


class LatentCache:
    """Encoded clips with their labels, by size."""

    def __init__(self, folder: Path) -> None:
        tensors = load_file(folder / "clips.safetensors")
        record = json.loads((folder / "labels.json").read_text())
        self.groups = [
            EncodedClips(
                **{name: tensors[f"{name}.{number}"] for name in _TENSORS},
                size=tuple(group["size"]),
                labels=group["labels"],
            )
            for number, group in enumerate(record["groups"])
        ]

    @classmethod
    def open(cls, vae: AutoencoderKL, config: WorldData, workers: int = 0) -> LatentCache:
        """Read the configured cache, made first where it is missing or of another world or autoencoder.

        ``workers`` processes render what ``vae`` encodes on its device; with 0 this process does.
        """
        folder = Path(config.cache)
        world = config.model_dump(mode="json", exclude={"kind"})
        key = {"world": world, "pictures": _render_fingerprint(config), "vae": _vae_fingerprint(vae)}
        record = folder / "labels.json"
        if not record.is_file() or json.loads(record.read_text())["key"] != key:
            _render(folder, vae, config, key, workers)
        return cls(folder)


def _render_fingerprint(config: WorldData) -> str:
    """A hash that changes when figures, scenes or motions are rendered differently."""
    digest = hashlib.sha256()
    for index in range(_PICTURES_OF_A_WORLD):
        clip = sample_world(np.random.default_rng((config.seed, index)), config, 1)
        digest.update(clip.frames.tobytes())
        digest.update(clip.keypoints.tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _vae_fingerprint(vae: AutoencoderKL) -> float:
    return float(sum(p.cpu().double().abs().sum() for p in vae.encoder.parameters()))


class _RenderedClips(Dataset):
    """The clips of a cache; clip i is always the same."""

    def __init__(self, config: WorldData) -> None:
        self.config = config
        self.sizes = list(dict.fromkeys(config.all_sizes[: config.clips]))

    def batches(self, clips_at_once: int) -> list[list[int]]:
        """Indices of clips of one size, size by size."""
        sizes = self.config.all_sizes
        groups = [
            [i for i in range(self.config.clips) if sizes[i % len(sizes)] == size] for size in self.sizes
        ]
        return [group[i : i + clips_at_once] for group in groups for i in range(0, len(group), clips_at_once)]

    def __len__(self) -> int:
        return self.config.clips

    def __getitem__(self, index: int) -> dict[str, Any]:
        config = self.config
        rng = np.random.default_rng((config.seed, index))
        size = config.all_sizes[index % len(config.all_sizes)]
        clip = sample_world(rng, config, config.n_sample_frames, size=size)
        missing = len(config.people) - len(clip.characters)
        return {
            "frames": torch.from_numpy(clip.frames),
            "keypoints": torch.from_numpy(np.pad(clip.keypoints, ((0, 0), (0, missing), (0, 0), (0, 0)))),
            "scores": torch.from_numpy(np.pad(clip.scores, ((0, 0), (0, missing), (0, 0)))),
            "labels": (clip.characters, clip.scene, clip.motion, clip.style),
        }


@torch.no_grad()
def _render(
    folder: Path, vae: AutoencoderKL, config: WorldData, key: dict[str, object], workers: int
) -> None:
    check_folder(folder, "train_data.cache")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").unlink(missing_ok=True)  # written last: marks a cache as complete
    data = _RenderedClips(config)
    parts: dict[str, list[torch.Tensor]] = {
        f"{name}.{number}": [] for number in range(len(data.sizes)) for name in _TENSORS
    }
    groups: list[dict[str, Any]] = [{"size": size, "labels": []} for size in data.sizes]
    vae.eval().to(memory_format=torch.channels_last)
    clips = DataLoader(
        data,
        batch_sampler=data.batches(_CLIPS_ENCODED_AT_ONCE.get(vae.device.type, 4)),
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=leave_signals_to_parent,
    )
    with tqdm(total=config.clips, desc="rendering and encoding clips", mininterval=5) as bar:
        for some in clips:
            number = data.sizes.index(tuple(some["frames"].shape[2:4]))
            some["latents"] = _encode(vae, some["frames"])
            for name in _TENSORS:
                parts[f"{name}.{number}"].append(some[name])
            groups[number]["labels"] += some["labels"]
            bar.update(len(some["labels"]))
    with replacing(folder / "clips.safetensors") as partial:
        save_file({name: torch.cat(values) for name, values in parts.items()}, partial)
    with replacing(folder / "labels.json") as partial:
        Path(partial).write_text(json.dumps({"key": key, "groups": groups}))


def _collate(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Clips to (n, …) tensors and a list of n labels."""
    labels = [clip.pop("labels") for clip in clips]
    return default_collate(clips) | {"labels": labels}


def _encode(vae: AutoencoderKL, frames: torch.Tensor) -> torch.Tensor:
    """(n, f, H, W, 3) uint8 to latents (n, f, c, h, w) float16."""
    pictures = frames.to(vae.device).flatten(0, 1).permute(0, 3, 1, 2) / 127.5 - 1  # channels lie last
    with torch.autocast("cuda", torch.bfloat16, enabled=vae.device.type == "cuda"):
        mean = vae.encode(pictures).latent_dist.mean * vae.config.scaling_factor
    return mean.half().cpu().unflatten(0, frames.shape[:2])


class LatentDataset(Dataset):
    """Endless samples of a cache; sample i is always the same.

    Each holds ``latents`` (c, h, w), or (c, f, h, w) for whole clips; ``tokens`` (l,); and, with skeletons,
    ``skeleton`` (3, H, W) or (f, 3, H, W) uint8.

    Args:
        whole_clips: all frames of a clip instead of one.
        batch: so many samples in a row are of one size.
        tokenize: caption to token ids.
        with_skeletons: whether to draw them, which takes longer than everything else.
    """

    def __init__(
        self,
        cache: LatentCache,
        seed: int,
        tokenize: Callable[[str], torch.Tensor],
        *,
        whole_clips: bool,
        batch: int,
        text_dropout: float,
        with_skeletons: bool = True,
    ) -> None:
        self.cache, self.seed, self.tokenize = cache, seed, tokenize
        self.whole_clips, self.batch, self.text_dropout = whole_clips, batch, text_dropout
        self.with_skeletons = with_skeletons

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        clips = self._group(index // self.batch)
        rng = np.random.default_rng((self.seed, index))
        clip = int(rng.integers(len(clips.labels)))
        count = clips.latents.shape[1]
        frames = slice(None) if self.whole_clips else slice(frame := rng.integers(count), frame + 1)
        text = "" if rng.random() < self.text_dropout else caption(rng, *clips.labels[clip])
        latents = clips.latents[clip, frames].float()
        sample = {
            "latents": latents.transpose(0, 1) if self.whole_clips else latents[0],
            "tokens": self.tokenize(text),
        }
        if self.with_skeletons:
            skeleton = _draw_skeletons(
                rng, clips.keypoints[clip, frames].numpy(), clips.scores[clip, frames].numpy(), clips.size
            )
            sample["skeleton"] = skeleton if self.whole_clips else skeleton[0]
        return sample

    def _group(self, batch: int) -> EncodedClips:
        """The clips of a batch, all of one size, drawn by the number of clips of each size."""
        groups = self.cache.groups
        shares = np.cumsum([len(group.labels) for group in groups])
        drawn = np.random.default_rng((self.seed, batch, _SIZE_DRAW)).integers(shares[-1])
        return groups[int(np.searchsorted(shares, drawn, side="right"))]


def _draw_skeletons(
    rng: np.random.Generator, keypoints: np.ndarray, scores: np.ndarray, size: tuple[int, int]
) -> torch.Tensor:
    """(f, p, 17, 2) pixels and (f, p, 17) to (f, 3, H, W) uint8, with the errors that estimators make."""
    scores = scores.copy()
    longer = max(size)
    keypoints = keypoints + rng.normal(0, _JOINT_NOISE * longer, keypoints.shape).astype(np.float32)
    if rng.random() < _HIDDEN_JOINTS_SHARE:
        scores[..., rng.choice(17, rng.integers(1, 5), replace=False)] = 0
    if rng.random() < _HIDDEN_LIMBS_SHARE:
        scores[..., _LIMBS[rng.integers(len(_LIMBS))]] = 0
    pictures = render_skeletons(keypoints, scores, *size, rng.uniform(*_LINE_WIDTHS) * longer)
    if rng.random() < _FADED_SHARE:
        pictures = (pictures * np.float32(rng.uniform(_FAINTEST, 1))).astype(np.uint8)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)
