"""``export``: writes other forms of a generated video."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fyp_core.cli.signals import sigterm_as_interrupt
from fyp_core.generation.guide import fine_skeletons, make_guide
from fyp_core.generation.metadata import add_settings, read_settings
from fyp_core.generation.output import save_video
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.rerun import pick, repeated
from fyp_core.generation.result_size import ModelSize
from fyp_core.generation.running.comparison import write_comparison
from fyp_media.errors import InputError
from fyp_media.exports.frames_zip import write_frames_zip
from fyp_media.exports.gif import export_gif
from fyp_media.files import check_target, check_targets, replacing
from fyp_media.write_video import VIDEO_SUFFIXES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``export``."""
    add = parser.add_argument
    add("result", metavar="VIDEO", help="a video that generate has written")
    add("--gif", metavar="FILE", help="write it as a GIF of at most 480 pixels a side")
    add("--frames", metavar="FILE", help="write its frames as PNG pictures into a .zip")
    add("--side-by-side", metavar="FILE", help="write source, skeleton and result in step, with sound")
    add("--source", metavar="VIDEO", help="the video it was made from; default: its path then")
    add("--skeleton", metavar="VIDEO", help="as written by --skeleton-output; default: made again")
    parser.set_defaults(run=export)


@sigterm_as_interrupt()
def export(options: argparse.Namespace) -> None:
    """Write the files that the options name.

    Raises:
        InputError: no file is named, or one cannot be read or written.
    """
    targets = {"gif": options.gif, "frames": options.frames, "side_by_side": options.side_by_side}
    written = {name: target for name, target in targets.items() if target}
    if not written:
        raise InputError("There is nothing to write; give --gif, --frames or --side-by-side.")
    settings = read_settings(options.result)
    source = options.source or settings.get("input", "")
    for name, suffixes in (("gif", (".gif",)), ("frames", (".zip",)), ("side_by_side", VIDEO_SUFFIXES)):
        if name in written:
            check_target(written[name], *suffixes)
    check_targets(written.values(), (), sources=filter(None, (options.result, source, options.skeleton)))
    if options.side_by_side:
        if not Path(source).is_file():
            raise InputError(f"There is no file {source}, the source; name it with --source.")
        with _skeleton(options, source, settings) as skeleton:
            write_comparison(options.side_by_side, options.result, source, skeleton)
    if options.gif:
        with replacing(options.gif) as scratch:
            export_gif(options.result, scratch)
            add_settings(scratch, settings)
    if options.frames:
        write_frames_zip(options.result, options.frames)
    print(json.dumps(written) if options.json else "\n".join(written.values()))


@contextlib.contextmanager
def _skeleton(options: argparse.Namespace, source: str, settings: dict[str, Any]) -> Iterator[str | None]:
    """The skeleton video, made again where none is given; None where the source is one."""
    if options.skeleton or settings.get("input_type") == "skeleton":
        yield options.skeleton
        return
    request = pick(GenerationRequest, repeated(settings, {"input": source}))
    with TemporaryDirectory() as folder:
        guide = make_guide(request, ModelSize())
        path = str(Path(folder, "skeleton.mp4"))
        save_video(path, fine_skeletons(request, guide), guide.fps)
        yield path
