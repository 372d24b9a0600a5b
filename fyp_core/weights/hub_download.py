"""Downloads from the Hugging Face hub, and which commits the downloaded files are of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fyp_media.errors import InputError, first_line

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")
_IN_HUB_CACHE = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})(?:/|$)")


@dataclass(frozen=True)
class HubPart:
    """Files of a repository on the hub that make one part of a model."""

    repository: str
    revision: str
    files: tuple[str, ...]  # all that is needed of the repository
    folder: str = "."  # in the repository, where the part lies

    @property
    def hub_id(self) -> str:
        return f"{self.repository}@{self.revision}"


def is_hub_id(name: str) -> bool:
    """Whether ``name`` has the form ``OWNER/NAME[@REVISION]``."""
    return _HUB_ID.fullmatch(name) is not None


def download_files(hub_id: str, files: tuple[str, ...]) -> Path:
    """The folder of a repository in the hub's cache; continues an interrupted download.

    Args:
        hub_id: ``OWNER/NAME[@REVISION]``.
        files: patterns of the files that are needed.

    Raises:
        InputError: the repository is neither in the cache nor can it be downloaded.
    """
    repository, _, revision = hub_id.partition("@")
    try:
        return _snapshot(repository, revision=revision or None, allow_patterns=list(files))
    except InputError:
        raise
    except (OSError, ValueError) as error:  # the base classes of the hub's own errors
        raise InputError(
            f"{hub_id} is neither on this disk nor can it be downloaded; check the name or go online."
        ) from error


def find_hub_part(part: HubPart, *, local_files_only: bool) -> Path:
    """The part's place in the hub's cache, downloaded first unless ``local_files_only``.

    Raises:
        OSError: it is not in the cache and cannot be downloaded.
        InputError: the download was interrupted.
    """
    folder = _snapshot(
        part.repository,
        revision=part.revision,
        allow_patterns=list(part.files),
        local_files_only=local_files_only,
    )
    # Offline, a snapshot of other files of the repository is returned as well.
    if not all(any(folder.glob(pattern)) for pattern in part.files):
        raise FileNotFoundError(f"{folder} is incomplete")
    return folder / part.folder


def _snapshot(repository: str, **options: Any) -> Path:
    """huggingface_hub.snapshot_download, without the errors of its HTTP library when a connection breaks."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, **options))
    except (OSError, ValueError):
        raise
    except Exception as error:
        reason = first_line(error)
        raise InputError(
            f"The download of {repository} was interrupted ({reason}); start it again, complete files are kept."
        ) from error


def hub_revisions(places: Iterable[Path]) -> list[str]:
    """Of those in the hub's cache: which commits of which repositories they are, ``OWNER/NAME@COMMIT``."""
    found = filter(None, (_IN_HUB_CACHE.search(place.as_posix()) for place in places))
    return sorted({f"{owner}/{name}@{commit}" for owner, name, commit in (match.groups() for match in found)})
