"""``demo``: the page."""

from __future__ import annotations

import argparse

from fyp_media.imports import without_collection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``demo``: none, as environment variables set the address and the model."""
    parser.set_defaults(run=demo)


def demo(_options: argparse.Namespace) -> None:
    """Serve the page."""
    with without_collection():
        from fyp_serving.server import serve_page

    serve_page()
