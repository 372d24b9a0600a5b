"""Clips of the procedural world, rendered and encoded once: what the diffusion stages train on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
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
_CLIPS_ENCODED_AT_ONCE = 4
_HIDDEN_JOINTS_SHARE = 0.1  # of the samples lose a few joints, as estimators do on real video
_HIDDEN_LIMBS_SHARE = 0.1  # and as many all of a limb, the face or what is below the knees
_LIMBS = ((1, 2, 3, 4), (7, 9), (8, 10), (13, 15), (14, 16), (15, 16), (13, 14, 15, 16))  # COCO's joints
_JOINT_NOISE = 0.003  # of the picture's side
_LINE_WIDTHS = (0.008, 0.016)  # of the picture's side
_FADED_SHARE, _FAINTEST = 0.5, 0.35  # thin lines of a large skeleton video fade when it is made small


def sample_world(
    rng: np.random.Generator, config: WorldData, num_frames: int, split: Literal["train", "all"] = "train"
) -> WorldClip:
    """A clip with the configured styles, of the pairs and motions of a split."""
    return sample_clip(
        rng,
        num_frames,
        config.size,
        split=split,
        motions=split,
        style_probability=config.style_probability,
        styles=config.styles or STYLES,
    )


class LatentCache:
    """Encoded clips with what is known about them.

    latents: (n, f, c, h, w) float16; keypoints: (n, f, 17, 2) pixels; scores: (n, f, 17);
    labels: n times character, scene, motion, style.
    """

    def __init__(self, folder: Path) -> None:
        tensors = load_file(folder / "clips.safetensors")
        self.latents, self.keypoints, self.scores = (
            tensors[name] for name in ("latents", "keypoints", "scores")
        )
        self.labels: list[list[str]] = json.loads((folder / "labels.json").read_text())["labels"]

    @classmethod
    def open(cls, vae: AutoencoderKL, config: WorldData, workers: int = 0) -> LatentCache:
        """Read the configured cache, made first where it is missing or belongs to another world or autoencoder.

        ``workers`` processes render what ``vae`` encodes on its device; with 0 this process does.
        """
        folder = Path(config.cache)
        world = config.model_dump(exclude={"kind"})
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

    def __len__(self) -> int:
        return self.config.clips

    def __getitem__(self, index: int) -> dict[str, torch.Tensor | list[str]]:
        config = self.config
        clip = sample_world(np.random.default_rng((config.seed, index)), config, config.n_sample_frames)
        return {
            "frames": torch.from_numpy(clip.frames),
            "keypoints": torch.from_numpy(clip.keypoints),
            "scores": torch.from_numpy(clip.scores),
            "labels": [clip.character, clip.scene, clip.motion, clip.style],
        }


@torch.no_grad()
def _render(
    folder: Path, vae: AutoencoderKL, config: WorldData, key: dict[str, object], workers: int
) -> None:
    check_folder(folder, "train_data.cache")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").unlink(missing_ok=True)  # written last: marks a cache as complete
    tensors: dict[str, list[torch.Tensor]] = {"latents": [], "keypoints": [], "scores": []}
    labels: list[list[str]] = []
    vae.eval().to(memory_format=torch.channels_last)
    clips = DataLoader(
        _RenderedClips(config),
        _CLIPS_ENCODED_AT_ONCE,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=leave_signals_to_parent,
    )
    with tqdm(total=config.clips, desc="rendering and encoding clips", mininterval=5) as bar:
        for some in clips:
            tensors["latents"].append(_encode(vae, some["frames"]))
            for name in ("keypoints", "scores"):
                tensors[name].append(some[name])
            labels += some["labels"]
            bar.update(len(some["labels"]))
    with replacing(folder / "clips.safetensors") as partial:
        save_file({name: torch.cat(values) for name, values in tensors.items()}, partial)
    with replacing(folder / "labels.json") as partial:
        Path(partial).write_text(json.dumps({"key": key, "labels": labels}))


def _collate(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Clips to (n, …) tensors and a list of n labels."""
    labels = [clip.pop("labels") for clip in clips]
    return default_collate(clips) | {"labels": labels}


def _encode(vae: AutoencoderKL, frames: torch.Tensor) -> torch.Tensor:
    """(n, f, H, W, 3) uint8 to latents (n, f, c, h, w) float16."""
    pictures = frames.to(vae.device).flatten(0, 1).permute(0, 3, 1, 2) / 127.5 - 1  # channels lie last
    mean = vae.encode(pictures).latent_dist.mean * vae.config.scaling_factor
    return mean.half().cpu().unflatten(0, frames.shape[:2])


class LatentDataset(Dataset):
    """Endless samples of a cache; sample i is always the same.

    Each holds ``latents`` (c, h, w), or (c, f, h, w) for whole clips; ``tokens`` (l,); and, with skeletons,
    ``skeleton`` (3, H, W) or (f, 3, H, W) in 0..1.

    Args:
        whole_clips: all frames of a clip instead of one.
        tokenize: caption to token ids.
        with_skeletons: drawing them takes longer than all the rest.
    """

    def __init__(
        self,
        cache: LatentCache,
        size: int,
        seed: int,
        tokenize: Callable[[str], torch.Tensor],
        *,
        whole_clips: bool,
        text_dropout: float,
        with_skeletons: bool = True,
    ) -> None:
        self.cache, self.size, self.seed, self.tokenize = cache, size, seed, tokenize
        self.whole_clips, self.text_dropout = whole_clips, text_dropout
        self.with_skeletons = with_skeletons

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((self.seed, index))
        clip = int(rng.integers(len(self.cache.labels)))
        frames = slice(None) if self.whole_clips else slice(frame := rng.integers(self.frames), frame + 1)
        text = "" if rng.random() < self.text_dropout else caption(rng, *self.cache.labels[clip])
        latents = self.cache.latents[clip, frames].float()
        sample = {
            "latents": latents.transpose(0, 1) if self.whole_clips else latents[0],
            "tokens": self.tokenize(text),
        }
        if self.with_skeletons:
            skeleton = self._skeletons(rng, clip, frames)
            sample["skeleton"] = skeleton if self.whole_clips else skeleton[0]
        return sample

    @property
    def frames(self) -> int:
        return self.cache.latents.shape[1]

    def _skeletons(self, rng: np.random.Generator, clip: int, frames: slice) -> torch.Tensor:
        keypoints = self.cache.keypoints[clip, frames].numpy()
        scores = self.cache.scores[clip, frames].numpy().copy()
        keypoints = keypoints + rng.normal(0, _JOINT_NOISE * self.size, keypoints.shape).astype(np.float32)
        if rng.random() < _HIDDEN_JOINTS_SHARE:
            scores[:, rng.choice(17, rng.integers(1, 5), replace=False)] = 0
        if rng.random() < _HIDDEN_LIMBS_SHARE:
            scores[:, _LIMBS[rng.integers(len(_LIMBS))]] = 0
        width = rng.uniform(*_LINE_WIDTHS) * self.size
        pictures = render_skeletons(keypoints, scores, self.size, self.size, width)
        brightness = rng.uniform(_FAINTEST, 1) if rng.random() < _FADED_SHARE else 1.0
        return torch.from_numpy(pictures).permute(0, 3, 1, 2) * (brightness / 255)
