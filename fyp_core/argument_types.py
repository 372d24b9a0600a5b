"""Types of options that several commands have."""

from __future__ import annotations

import argparse


def from_one(text: str) -> int:
    """A whole number from 1; argparse tells what is wrong with another."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"give a whole number from 1, not {text!r}")
    return int(text)
