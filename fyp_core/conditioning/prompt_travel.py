"""Prompts that change during a video: ``"0: a man on the beach | 60: a robot on the moon"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import torch

from fyp_media.errors import InputError

_PART = re.compile(r"(\d{1,9})\s*:(.*)", re.DOTALL)
_MOST_PARTS = 100  # each is encoded


@dataclass(frozen=True)
class PromptTravel:
    """The prompts of a video and their frames.

    frames: ascending frame numbers.
    prompts: one for each of them; in between, the embeddings are blended in proportion.
    """

    frames: tuple[int, ...]
    prompts: tuple[str, ...]


def parse_prompt(prompt: str) -> PromptTravel:
    """Read ``"FRAME: PROMPT | FRAME: PROMPT"``; a prompt that does not start with a frame holds for all frames.

    Raises:
        InputError: a later part lacks its frame or its prompt, the frames do not rise, or there are too many parts.
    """
    parts = [_PART.fullmatch(part.strip()) for part in prompt.split("|")]
    if parts[0] is None:
        return PromptTravel((0,), (prompt,))
    if len(parts) > _MOST_PARTS:
        raise InputError(f"The prompt has {len(parts)} parts; take at most {_MOST_PARTS}.")
    matches = [match for match in parts if match and match[2].strip()]
    if len(matches) < len(parts):
        raise InputError(
            f'The prompt "{prompt}" starts with a frame number; then it must be of the form'
            ' "0: first prompt | 60: second prompt", with a frame number and a prompt in every part.'
        )
    frames = tuple(int(match[1]) for match in matches)
    if any(later <= earlier for earlier, later in pairwise(frames)):
        raise InputError(f"The frame numbers of the prompts must rise, not {', '.join(map(str, frames))}.")
    return PromptTravel(frames, tuple(match[2].strip() for match in matches))


def blend_embeddings(embeddings: torch.Tensor, at: tuple[int, ...], frames: int) -> torch.Tensor:
    """Embeddings (P, L, D) of prompts at the frames ``at``, blended to (F, L, D); constant before and after."""
    positions = torch.arange(frames, dtype=torch.float32)
    known = torch.tensor(at, dtype=torch.float32)
    after = torch.searchsorted(known, positions, right=True).clamp(max=len(at) - 1)
    before = (after - 1).clamp(min=0)
    share = ((positions - known[before]) / (known[after] - known[before]).clamp(min=1)).clamp(0, 1)
    before, after = before.to(embeddings.device), after.to(embeddings.device)
    return torch.lerp(embeddings[before], embeddings[after], share.to(embeddings)[:, None, None])
