"""A run's videos made, with all files a visitor may want, and kept in the gallery."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.guide import Guide, fine_skeletons
from fyp_core.generation.output import save_video
from fyp_core.generation.request import GenerationRequest
from fyp_media.exports.frames_zip import write_frames_zip
from fyp_media.exports.gif import export_gif
from fyp_media.exports.side_by_side import Panel, write_side_by_side
from fyp_media.write_video import write_video
from fyp_page.gallery import Entry, Gallery
from fyp_page.handlers.pose import Poses, source_frames
from fyp_page.runs import Result, Run
from pose_extraction.keypoint_files.files import write_motion

_CAPTIONS = {"source": "Source", "skeleton": "Skeleton", "result": "Result"}


class Maker:
    """Makes the videos of runs.

    Args:
        folder: for files until they are kept.
    """

    def __init__(self, engine: Engine, poses: Poses, gallery: Gallery, folder: str) -> None:
        self._engine = engine
        self._poses = poses
        self._gallery = gallery
        self._folder = folder

    def __call__(self, run: Run) -> None:
        """Make a video for each request of a run; raises what :meth:`Engine.generate` does."""
        for request in run.requests:
            guide = self._poses.guide(request, run.job)
            made = self._engine.render(request, guide, run.job)
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                files = write_files(Path(folder), request, made)
                settings = made.settings()
                entry = self._gallery.add(run.owner, files, request.prompt, settings)
            run.add(Result(entry.files, request.prompt, settings, made.seconds, made.notices))


def write_files(folder: Path, request: GenerationRequest, made: GenerationResult) -> dict[str, Path]:
    """The video with the source's sound, the skeleton, and of a raw video its part that was used; by what they are."""
    guide = made.guide
    files = {"result": folder / "result.mp4", "skeleton": folder / "skeleton.mp4"}
    sound = guide.sound if request.sound else None
    save_video(files["result"], made.frames, guide.fps, made.settings(), sound=sound)
    save_video(files["skeleton"], fine_skeletons(request, guide), guide.fps)
    if guide.motion is not None:
        files["source"] = folder / "source.mp4"
        write_video(files["source"], source_frames(request, guide), guide.fps, sound=sound)
    write_exports(folder, files, guide)
    return files


def write_exports(folder: Path, files: dict[str, Path], guide: Guide) -> None:
    """Add what is downloaded: side by side, GIF, frames, and keypoints where people were found."""
    files |= {
        "comparison": folder / "comparison.mp4",
        "gif": folder / "result.gif",
        "frames": folder / "frames.zip",
    }
    panels = [Panel(files[kind], caption) for kind, caption in _CAPTIONS.items() if kind in files]
    write_side_by_side(files["comparison"], panels, sound=files["result"])
    export_gif(files["result"], files["gif"])
    write_frames_zip(files["result"], files["frames"])
    if guide.motion is not None:
        files["keypoints"] = folder / "keypoints.json"
        write_motion(guide.motion, files["keypoints"], estimator=guide.estimator)


def as_result(entry: Entry) -> Result:
    """A result of the gallery."""
    return Result(entry.files, entry.prompt, entry.settings)
