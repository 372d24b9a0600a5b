"""Evaluates one model by its settings: combines judges, cases and records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from fyp_core.evaluation.cases import PAIRS, Case, world_cases
from fyp_core.evaluation.own_motions import MotionType, check_names, motion_cases
from fyp_core.evaluation.records import Records
from fyp_core.evaluation.report import SourceResult
from fyp_core.evaluation.run import check_sources, evaluate
from fyp_core.evaluation.scoring.clip_score import ClipJudge
from fyp_core.evaluation.scoring.judges import CLASSIFIER_FILE, POSE_FILE, Judges
from fyp_core.evaluation.settings import EvaluationSettings
from fyp_core.evaluation.variants import SETTINGS
from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.checkpoints import bundled
from fyp_core.weights.hashes import model_hash
from fyp_media.errors import InputError
from fyp_media.files import file_hash
from pose_extraction.keypoint_files import motion_hash

_HASH_LENGTH = 12  # characters: enough to distinguish two files


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation, and what a contact sheet of it needs.

    protocol: everything on which the numbers of a clip depend, as plain values.
    """

    results: list[SourceResult]
    protocol: dict[str, Any]
    engine: Engine
    cases: list[Case]
    records: Records
    sampling: dict[str, Any]


def measure_model(
    settings: EvaluationSettings, sources: Sequence[str], records_file: Path | None
) -> Evaluation:
    """Evaluate one model.

    Raises:
        InputError: a source, a judge, a model or a video cannot be loaded, two videos have one name, the judges do not
            know a character or a scene, or the records are of another evaluation.
    """
    paths = [path for _, path in settings.motions]
    check_sources(sources, right_frames=not paths)
    _check_preset(settings, sources)
    check_names(paths)
    folder = settings.judges or bundled("judges")
    judges = Judges.load(folder)
    clip = ClipJudge.load(settings.clip) if settings.clip else None
    engine = Engine(settings.model, runtime=Runtime(dtype=settings.dtype))
    config = engine.pipeline.config
    cases = _cases(settings, (config.default_height, config.default_width))
    judges.check_names(
        {name for case in cases for name in case.characters}, {c.scene for c in cases if c.scene}
    )
    request = GenerationRequest(
        input="",
        prompt=cases[0].prompt,
        preset=settings.preset,
        steps=settings.steps,
        guidance=settings.guidance,
    )
    sampling = engine.prepare_sampling(request)
    protocol = _protocol(settings, engine, sampling, folder)
    records = Records(records_file, protocol)
    results = evaluate(
        engine.pipeline,
        judges,
        cases,
        sources=sources,
        seeds=settings.seeds,
        batch=settings.batch,
        sampling=sampling,
        clip=clip,
        records=records,
    )
    return Evaluation(results, protocol, engine, cases, records, sampling)


def _check_preset(settings: EvaluationSettings, sources: Sequence[str]) -> None:
    """Raise InputError for sources without parts that the LoRA of turbo changes."""
    partial = [name for name in sources if name in SETTINGS and not SETTINGS[name].temporal_layers]
    if settings.preset == "turbo" and partial:
        raise InputError(f"The source {partial[0]!r} cannot be measured with the preset turbo; take exact.")


def _cases(settings: EvaluationSettings, size: tuple[int, int]) -> list[Case]:
    """All cases, in the model's height and width."""
    if settings.motions:
        return [case for kind, path in settings.motions for case in _motion_cases(settings, kind, path, size)]
    kinds = (
        world_cases(
            pairs,
            settings.clips,
            settings.frames,
            size,
            settings.seed,
            people=settings.people,
            height_share=settings.height_share,
        )
        for pairs in PAIRS
    )
    return list(chain.from_iterable(kinds))


def _motion_cases(
    settings: EvaluationSettings, kind: MotionType, path: Path, size: tuple[int, int]
) -> list[Case]:
    return motion_cases(
        path,
        kind,
        settings.prompt,
        settings.clips,
        settings.frames,
        size,
        stride=settings.stride,
        seed=settings.seed,
        estimator=settings.estimator,
    )


def _protocol(
    settings: EvaluationSettings, engine: Engine, sampling: dict[str, Any], judges: Path
) -> dict[str, Any]:
    source = engine.load()
    config = engine.pipeline.config
    of_videos = {
        "videos": {path.name: motion_hash(path)[:_HASH_LENGTH] for _, path in settings.motions},
        "clips": settings.clips,
        "prompts": list(settings.prompt),
        "stride": settings.stride,
        "estimator": settings.estimator,
    }
    of_world = {"people": settings.people, "height share": list(settings.height_share)}
    return {
        "model": source.name,
        "weights": model_hash(source)[:_HASH_LENGTH],
        "number format": str(engine.pipeline.unet.dtype).removeprefix("torch."),
        "judges": [file_hash(judges / name)[:_HASH_LENGTH] for name in (POSE_FILE, CLASSIFIER_FILE)],
        "CLIP": settings.clip,
        "frames": settings.frames,
        "seed of the clips": settings.seed,
        **({} if settings.preset == "exact" else {"preset": settings.preset}),
        "steps": sampling["num_inference_steps"],
        "guidance": sampling["guidance_scale"],
        "guide pose": config.default_guide_pose,
        **(of_videos if settings.motions else of_world),
    }
