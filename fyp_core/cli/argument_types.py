"""Types of options that several commands have."""

from __future__ import annotations

import argparse


def from_one(text: str) -> int:
    """A whole number from 1; argparse tells what is wrong with another."""
    return _whole(text, 1)


def from_zero(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"give a whole number from {least}, not {text!r}")
    return int(text)
