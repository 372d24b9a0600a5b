"""Files that come with the project: ``checkpoints/mini``, ``pose_example`` …"""

from __future__ import annotations

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
_INSTALLED = Path(__file__).resolve().with_name("project_files")  # of a wheel, see pyproject.toml


def project_file(name: str) -> Path:
    """Where a file of the repository lies, given its path there: in the checkout, or in the installed package."""
    return (_INSTALLED if _INSTALLED.is_dir() else _CHECKOUT) / name
