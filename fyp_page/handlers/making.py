"""Makes the videos of a run with all files for download, and stores them in the gallery."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import Guide, fine_skeletons
from fyp_core.generation.job import Job
from fyp_core.generation.output import save_video
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_media.exports.frames_zip import write_frames_zip
from fyp_media.exports.gif import export_gif
from fyp_media.exports.side_by_side import Panel, write_side_by_side
from fyp_media.write_video import write_video
from fyp_page.gallery import Entry, Gallery
from fyp_page.handlers.pose import Poses, source_frames
from fyp_page.handlers.requests import upload_names
from fyp_page.runs import Result, Run
from pose_extraction.keypoint_files.files import write_motion

_CAPTIONS = {"source": "Source", "skeleton": "Skeleton", "result": "Result"}


class Maker:
    """Makes the videos of runs. Frames of a result are written as they are finished, and not held.

    Args:
        folder: for files until they are in the gallery.
    """

    def __init__(self, engine: Engine, poses: Poses, gallery: Gallery, folder: str) -> None:
        self._engine = engine
        self._poses = poses
        self._gallery = gallery
        self._folder = folder

    def __call__(self, run: Run) -> None:
        """Make a video for each request of a run; raises what :meth:`Engine.render_file` does."""
        for request in run.requests:
            try:
                self._make(run, request)
            except InputError as error:
                raise InputError(upload_names(str(error), _files_of(request))) from error

    def _make(self, run: Run, request: GenerationRequest) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            result = Path(folder, "result.mp4")
            with self._engine.queue.entered(run.job):  # before a video is decoded, which takes memory
                guide = self._poses.guide(request, run.job)
                run.show_notices(guide.notices)
                report = self._engine.render_file(result, request, guide, run.job)
            files = write_files(result, request, guide, run.job)
            settings = report.settings() | {"seconds": report.seconds, "notices": report.notices}
            entry = self._gallery.add(run.owner, files, request.prompt, settings)
        run.add(as_result(entry))


def _files_of(request: GenerationRequest) -> list[str | os.PathLike[str]]:
    embeddings = request.additions.embeddings if request.additions else ()
    reference = [each for each in (request.reference_picture, request.ip_adapter) if each is not None]
    return [request.input, *(lora.file for lora in request.loras), *embeddings, *reference]


def write_files(
    result: Path, request: GenerationRequest, guide: Guide, job: Job | None = None
) -> dict[str, Path]:
    """Write the other files that are shown and downloaded with a result, into its folder.

    Args:
        result: the video.
        request, guide: from which it was made.
        job: receives the progress, and can stop the work after each file.

    Returns:
        Paths by kind: ``result``, ``skeleton``, ``comparison``, ``gif``, ``frames``, and where people were
        found ``source`` and ``keypoints``.

    Raises:
        InputError: a file cannot be read or written.
        JobCancelled: the job was cancelled.
    """
    job = job or Job()
    files = {"result": result}
    writers = _writers(request, guide, files)
    for done, (kind, (suffix, write)) in enumerate(writers.items()):
        job.report("write", done, len(writers))
        path = result.with_name(kind + suffix)
        write(path)
        files[kind] = path
    return files


def _writers(
    request: GenerationRequest, guide: Guide, files: dict[str, Path]
) -> dict[str, tuple[str, Callable[[Path], object]]]:
    """What to write, in order: ending and function for each.

    Args:
        files: those written before.
    """

    def write_comparison(path: Path) -> None:
        panels = [Panel(files[kind], caption) for kind, caption in _CAPTIONS.items() if kind in files]
        write_side_by_side(path, panels, sound=files["result"])

    writers: dict[str, tuple[str, Callable[[Path], object]]] = {
        "skeleton": (".mp4", lambda path: save_video(path, fine_skeletons(request, guide), guide.fps)),
        "comparison": (".mp4", write_comparison),
        "gif": (".gif", lambda path: export_gif(files["result"], path)),
        "frames": (".zip", lambda path: write_frames_zip(files["result"], path)),
    }
    if (motion := guide.motion) is None:
        return writers
    writers["keypoints"] = (".json", lambda path: write_motion(motion, path, estimator=guide.estimator))
    if guide.input_type != "raw":  # keypoints show nothing that could be written
        return writers
    sound = guide.sound if request.sound else None
    source = (".mp4", lambda path: write_video(path, source_frames(request, guide), guide.fps, sound=sound))
    return {"source": source, **writers}


def as_result(entry: Entry) -> Result:
    """A result of the gallery."""
    return Result(entry.files, entry.prompt, entry.settings)
