"""The engine: outlives jobs that fail, stops at once, keeps one model."""

import gc
import json
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import save_file

from benchmarks.random_model import SCHEDULER
from fyp_core.generation.device import Runtime, choose_device, choose_dtype, compile_blocks
from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.job import FinishedFrames, Job, JobCancelled, Preview, Progress
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.running.memory import estimate_peak
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import sample_clip
from fyp_core.weights.sources import Additions
from fyp_media.errors import InputError
from fyp_media.fit import fit_frames
from fyp_media.read_video import read_frames, sample_frames
from fyp_media.write_video import write_video
from tests.sounding_video import film, tone
from tests.tiny_formats import kohya_lora
from tests.tiny_model import build_pipeline

FRAMES = 3


@pytest.fixture(scope="module")
def request_(make_video: Callable[..., Path]) -> GenerationRequest:
    return GenerationRequest(
        input=make_video(), prompt="a robot jumps", input_type="skeleton", frames=FRAMES, seed=1, steps=3
    )


@pytest.fixture(scope="module")
def engine(tiny_model_dir: Path) -> Engine:
    return Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", dtype="fp32"))


@pytest.fixture(scope="module")
def expected(engine: Engine, request_: GenerationRequest) -> np.ndarray:
    return engine.generate(request_).frames


@pytest.mark.slow
def test_additions_of_a_request_come_and_go_with_it(
    tiny_model_dir: Path, request_: GenerationRequest, expected: np.ndarray, tmp_path: Path
) -> None:
    save_file({"emb_params": torch.full((2, 16), 0.5)}, tmp_path / "hero.safetensors")
    engine = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", dtype="fp32"))
    asked = request_.changed(prompt="a hero jumps <lora:x:1>")
    without = engine.generate(asked)
    assert any("hero" in notice for notice in without.notices)
    assert (
        "In the text of the prompt <lora:x:1> is read as words; give a LoRA with --lora." in without.notices
    )
    hero = asked.changed(additions=Additions(embeddings=(str(tmp_path / "hero.safetensors"),)))
    with_hero = engine.generate(hero)
    assert not any("hero" in notice for notice in with_hero.notices)
    assert not np.array_equal(with_hero.frames, without.frames)
    assert with_hero.settings()["embeddings"] == ["hero.safetensors"]
    with pytest.raises(InputError, match="There is no embedding file"):
        engine.generate(hero.changed(additions=Additions(embeddings=(str(tmp_path / "none.pt"),))))
    assert np.array_equal(engine.generate(request_).frames, expected)


def test_progress_tells_every_phase(engine: Engine, request_: GenerationRequest) -> None:
    seen: list[Progress] = []
    engine.load()  # which is a phase, too, where it has to be waited for
    engine.generate(request_, Job(seen.append))
    steps = [(progress.phase, progress.step) for progress in seen]
    assert steps == [*(("denoise", step) for step in range(4)), ("decode", 0), ("decode", FRAMES)]
    assert seen[1].seconds_left > 0


def test_previews_sharpen_and_frames_arrive_as_they_are_finished(
    tiny_model_dir: Path, request_: GenerationRequest, expected: np.ndarray
) -> None:
    previews: list[Preview] = []
    chunks: list[FinishedFrames] = []
    frugal = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", dtype="fp32", low_vram=True))
    job = Job(on_preview=previews.append, on_frames=chunks.append)
    result = frugal.generate(request_, job)
    assert [preview.step for preview in previews] == [1, 2, 3]
    assert {preview.frames.shape for preview in previews} == {(FRAMES, 4, 4, 3)}
    assert [chunk.first for chunk in chunks] == [0, 1, 2]
    assert np.array_equal(np.concatenate([chunk.frames for chunk in chunks]), result.frames)


def test_a_file_is_written_whole_or_not_at_all(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, tmp_path: Path
) -> None:
    guide = engine.prepare(request_)
    report = engine.render_file(tmp_path / "v.mp4", request_, guide)
    write_video(tmp_path / "same.mp4", expected, guide.fps)
    assert report.size == (FRAMES, 32, 32)
    assert np.array_equal(list(read_frames(tmp_path / "v.mp4")), list(read_frames(tmp_path / "same.mp4")))
    assert read_settings(tmp_path / "v.mp4") == json.loads(json.dumps(report.settings()))
    job = Job(lambda progress: progress.phase == "decode" and job.cancel())
    with pytest.raises(JobCancelled):
        engine.render_file(tmp_path / "stopped.mp4", request_, guide, job)
    assert {path.name for path in tmp_path.iterdir()} == {"v.mp4", "same.mp4"}


def test_the_sound_of_the_source_is_heard_in_sync(engine: Engine, tmp_path: Path) -> None:
    source = film(tmp_path / "source.mp4", seconds=6, tone_from=3.5, tone_to=4.0)
    request = GenerationRequest(
        input=source, prompt="a robot", input_type="skeleton", frames=6, stride=5, start=20, steps=1
    )
    guide = engine.prepare(request)
    engine.render_file(tmp_path / "v.mp4", request, guide)
    assert tone(tmp_path / "v.mp4") == pytest.approx((1.5, 2.0), abs=0.06)
    engine.render_file(tmp_path / "silent.mp4", request.changed(sound=False), guide)
    with av.open(str(tmp_path / "silent.mp4")) as container:
        assert not container.streams.audio


def test_the_time_of_a_request_is_estimated(engine: Engine, request_: GenerationRequest) -> None:
    short = engine.estimate(request_)
    assert 0 < short < engine.estimate(request_, frames=100) < 3600
    assert engine.estimate(request_.changed(steps=30)) > short


def test_a_job_whose_estimate_is_beyond_its_time_does_not_begin(
    engine: Engine, request_: GenerationRequest, tiny_model_dir: Path
) -> None:
    seen: list[Progress] = []
    with pytest.raises(InputError, match=r"would take about \d+ s, but .* 2 s here; take fewer frames"):
        engine.generate(request_.changed(steps=1000, frames=30, stride=1), Job(seen.append, deadline=2))
    assert [progress for progress in seen if progress.phase == "denoise"] == []
    engine.generate(request_, Job(deadline=60))
    assert Engine(str(tiny_model_dir)).quick_estimate(request_) is None, "the model is not loaded"


def test_what_cannot_fit_into_memory_is_refused(
    engine: Engine, request_: GenerationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fyp_core.generation.running.memory.available_memory", lambda _device: 2**10)
    with pytest.raises(InputError, match=r"needs about .* but cpu has 0\.0 GiB; take fewer frames"):
        engine.generate(request_)


def test_skeletons_with_red_and_blue_swapped_are_corrected_with_a_notice(
    engine: Engine, tmp_path: Path
) -> None:
    clip = sample_clip(np.random.default_rng(0), FRAMES, 128, stride=4, height_share=(0.7, 0.9))
    swapped = tmp_path / "swapped.mp4"
    write_video(swapped, clip.skeletons()[..., ::-1], 24)
    request = GenerationRequest(
        input=swapped, prompt="a robot jumps", input_type="skeleton", frames=FRAMES, stride=1
    )
    result = engine.generate(request)
    assert any("swapped" in notice for notice in result.notices)
    right_colors = sample_frames(swapped, FRAMES)[..., ::-1].copy()
    assert np.array_equal(list(fine_skeletons(request, result.guide)), right_colors)
    assert np.array_equal(result.guide.skeletons, fit_frames(right_colors, 32, 32))


def test_cancelled_within_one_step(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = _count_passes(engine, monkeypatch)
    job = Job(lambda progress: progress.phase == "denoise" and progress.step == 1 and job.cancel())
    with pytest.raises(JobCancelled):
        engine.generate(request_.changed(steps=9), job)
    assert len(passes) <= 2
    assert np.array_equal(engine.generate(request_).frames, expected)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_frees_what_the_job_held(
    engine: Engine,
    request_: GenerationRequest,
    expected: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    held = []

    def full(*_: Any, **__: Any) -> None:
        big = torch.zeros(10)
        held.append(weakref.ref(big))
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(engine.pipeline.unet, "forward", full)
        with pytest.raises(
            InputError, match=r"There is not enough memory for 3 frames of 32×32.*fewer frames"
        ):
            engine.generate(request_)
    gc.collect()
    assert held[0]() is None
    assert np.array_equal(engine.generate(request_).frames, expected)


@pytest.mark.parametrize("change", [{"guidance_end": 0.5}, {"guidance_rescale": 0.7}, {"reuse": 2}], ids=str)
def test_guidance_and_reuse_change_the_video(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, change: dict[str, Any]
) -> None:
    result = engine.generate(request_.changed(**change))
    assert not np.array_equal(result.frames, expected)
    assert result.settings().items() >= change.items()


@pytest.mark.parametrize("change", [{"scheduler": "euler-a"}, {"eta": 1.0}, {"preset": "fast"}])
def test_sampling_controls_change_the_video(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, change: dict[str, Any]
) -> None:
    result = engine.generate(request_.changed(**change))
    assert not np.array_equal(result.frames, expected)
    assert result.frames.any(), "no undefined numbers"
    assert (
        result.request.scheduler
        == {"scheduler": "euler-a", "eta": "model", "preset": "dpmpp-2m"}[next(iter(change))]
    )
    assert np.array_equal(engine.generate(request_).frames, expected)


def test_undefined_numbers_are_an_error_instead_of_a_black_video(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        decode = engine.pipeline.decode_latents
        patch.setattr(engine.pipeline, "decode_latents", lambda *args: decode(*args) * np.nan)
        with pytest.raises(InputError, match="in fp32; use other weights or a lower guidance scale"):
            engine.generate(request_)
    assert np.array_equal(engine.generate(request_).frames, expected)


def test_too_many_steps_for_the_scheduler_are_named(engine: Engine, request_: GenerationRequest) -> None:
    with pytest.raises(InputError, match="at most 50 steps"):
        engine.generate(request_.changed(scheduler="tcd", steps=51))


def test_low_memory_gives_the_same_video_frame_by_frame(
    tiny_model_dir: Path, request_: GenerationRequest, expected: np.ndarray
) -> None:
    seen: list[Progress] = []
    frugal = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", dtype="fp32", low_vram=True))
    result = frugal.generate(request_, Job(seen.append))
    assert [progress.step for progress in seen if progress.phase == "decode"] == [0, 1, 2, 3]
    assert np.abs(result.frames.astype(int) - expected).max() <= 1
    assert result.settings()["low_vram"]


def test_memory_is_estimated_and_measured(engine: Engine, request_: GenerationRequest) -> None:
    memory = engine.generate(request_).memory
    weights = sum(p.nbytes for part in (engine.pipeline.unet, engine.pipeline.vae) for p in part.parameters())
    assert memory["estimated"] > weights
    assert memory["peak"] > weights
    small = estimate_peak(engine.pipeline, 8, 512, 512, False, Runtime(low_vram=True))
    assert small < estimate_peak(engine.pipeline, 8, 512, 512, True, Runtime())


# --- models


def test_a_lora_acts_for_its_job_only(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, tmp_path: Path
) -> None:
    lora = kohya_lora(build_pipeline(), tmp_path / "style.safetensors")
    before = engine.pipeline
    result = engine.generate(request_.changed(loras=(f"{lora}:0.8",)))
    assert engine.pipeline is before
    assert not np.array_equal(result.frames, expected)
    assert result.settings()["loras"] == ["style.safetensors:0.8"]
    again = engine.generate(request_)
    assert np.array_equal(again.frames, expected)
    assert again.settings()["loras"] == []


@pytest.mark.slow
def test_a_lora_for_few_steps_brings_its_sampling(
    engine: Engine, request_: GenerationRequest, tmp_path: Path
) -> None:
    lora = kohya_lora(build_pipeline(), tmp_path / "tcd-lora.safetensors")
    turbo = request_.changed(preset="turbo", steps=None, loras=(str(lora),))
    used = engine.generate(turbo).request
    assert (used.scheduler, used.steps, used.guidance) == ("tcd", 4, 1.0)
    used = engine.generate(turbo.changed(preset="exact")).request
    assert (used.scheduler, used.guidance) == ("model", engine.pipeline.config.default_guidance_scale)


def test_turbo_puts_on_a_lora_for_few_steps_where_it_is_found(
    request_: GenerationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    scheduler = DDIMScheduler(**SCHEDULER)
    model = build_pipeline(scheduler=scheduler, text_width=768)  # as Stable Diffusion 1.x
    model.save_pretrained(tmp_path / "model")
    engine = Engine(str(tmp_path / "model"), runtime=Runtime(device="cpu", dtype="fp32"))
    turbo = request_.changed(preset="turbo", steps=None)
    without = engine.generate(turbo)
    assert without.request.scheduler == "dpmpp-2m"
    assert "turbo runs without a LoRA for few steps" in "".join(without.notices)

    commit, repository = "0" * 40, tmp_path / "cache/models--latent-consistency--lcm-lora-sdv1-5"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    kohya_lora(model, repository / "snapshots" / commit / "pytorch_lora_weights.safetensors")
    result = engine.generate(turbo)
    assert (result.request.scheduler, result.request.steps, result.request.guidance) == ("lcm", 4, 1.0)
    assert result.settings()["loras"] == ["pytorch_lora_weights.safetensors:1"]
    assert "LoRA" not in "".join(result.notices)
    assert result.request.loras == ()  # the preset's, wherever it lies
    again = engine.generate(result.request)
    assert np.array_equal(again.frames, result.frames)
    own_scheduler = engine.generate(turbo.changed(scheduler="ddim"))
    assert own_scheduler.settings()["loras"] == []

    (repository / "refs/main").unlink()
    without = engine.generate(result.request)
    assert "turbo runs without a LoRA for few steps" in "".join(without.notices)


@pytest.mark.slow
def test_jobs_at_the_same_time_get_their_own_loras(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, tmp_path: Path
) -> None:
    one, other = (kohya_lora(build_pipeline(), tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    sets = [(), (str(one),), (f"{one}:0.5", str(other)), (str(other),), ("nowhere.safetensors",)]
    alone = [engine.generate(request_.changed(loras=loras)).frames for loras in sets[:-1]]
    assert np.array_equal(alone[0], expected)
    assert len({frames.tobytes() for frames in alone}) == len(alone)

    def generate(loras: tuple[str, ...]) -> np.ndarray | InputError:
        try:
            return engine.generate(request_.changed(loras=loras)).frames
        except InputError as error:
            return error

    with ThreadPoolExecutor(len(sets)) as users:
        for _ in range(2):
            *together, missing = users.map(generate, sets)
            assert "no LoRA file nowhere.safetensors" in str(missing)
            assert all(map(np.array_equal, together, alone))


def test_a_file_that_is_no_lora_does_not_touch_the_next_job(
    engine: Engine, request_: GenerationRequest, expected: np.ndarray, tmp_path: Path
) -> None:
    good, bad = kohya_lora(build_pipeline(), tmp_path / "good.safetensors"), tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing of use")
    loras = request_.changed(loras=(str(good), str(bad)))
    for _ in range(2):
        with pytest.raises(InputError, match=r"bad\.safetensors is no LoRA"):
            engine.generate(loras)
        assert np.array_equal(engine.generate(request_).frames, expected)


def test_a_lora_replaced_under_the_same_name_is_noticed(
    engine: Engine, request_: GenerationRequest, tmp_path: Path
) -> None:
    first, second = (kohya_lora(build_pipeline(), tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    request = request_.changed(loras=(str(first),))
    before = engine.generate(request)
    second.replace(first)
    after = engine.generate(request)
    assert before.settings()["lora_hashes"] != after.settings()["lora_hashes"]
    assert not np.array_equal(before.frames, after.frames)


@pytest.mark.parametrize("size", [(48, 32), (32, 40)])
def test_any_size_that_is_a_multiple_of_the_models_factor(
    engine: Engine, request_: GenerationRequest, size: tuple[int, int]
) -> None:
    width, height = size
    result = engine.generate(request_.changed(width=width, height=height))
    assert result.frames.shape == (FRAMES, height, width, 3)
    assert (result.settings()["width"], result.settings()["height"]) == size


@pytest.mark.parametrize("size", [(36, 32), (32, 0), (-8, 32)])
def test_other_sizes_are_refused(engine: Engine, request_: GenerationRequest, size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="multiples of 8 pixels"):
        engine.generate(request_.changed(width=size[0], height=size[1]))


def test_a_model_that_does_not_fit_is_reported_and_freed(
    tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fyp_core.generation import loaded_model

    held = []

    def full(pipeline: FollowYourPosePipeline, *_: Any) -> None:
        held.append(weakref.ref(pipeline.unet))
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", dtype="fp32"))
    with monkeypatch.context() as patch:
        patch.setattr(loaded_model, "place", full)
        with pytest.raises(
            InputError, match=r"not enough memory for the model tiny on cpu; .* or use --low-vram"
        ):
            engine.load()
        assert held[0]() is None
    assert engine.load().name == "tiny"


# --- devices


def test_cpu_takes_bf16_only_where_it_has_it_and_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fyp_core.generation.device.bf16_is_faster", lambda: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert choose_dtype("auto", "cpu") == "fp32"
    with pytest.raises(InputError, match="no fast bf16"):
        choose_dtype("bf16", "cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert choose_dtype("auto", "cpu") == "bf16"
    monkeypatch.setattr("fyp_core.generation.device.bf16_is_faster", lambda: False)
    assert choose_dtype("auto", "cpu") == "fp32"
    assert choose_dtype("bf16", "cpu") == "bf16"


@pytest.mark.parametrize(
    ("runtime", "complaint"),
    [
        (Runtime(device="cpu", dtype="fp16"), "no fast fp16"),
        (Runtime(device="nowhere"), "no device nowhere"),
    ],
)
def test_what_the_device_cannot_do_is_reported(
    tiny_model_dir: Path, runtime: Runtime, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        Engine(str(tiny_model_dir), runtime=runtime).load()


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU they may work")
@pytest.mark.parametrize("backend", ["xformers", "flash", "sage"])
def test_absent_attention_backends_are_reported(tiny_model_dir: Path, backend: str) -> None:
    with pytest.raises(InputError, match="native"):
        Engine(str(tiny_model_dir), runtime=Runtime(device="cpu", attention=backend)).load()
    with pytest.raises(InputError, match="no device cuda"):
        choose_device("cuda")


def _count_passes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    passes: list[None] = []
    forward = engine.pipeline.unet.forward
    monkeypatch.setattr(
        engine.pipeline.unet, "forward", lambda *a, **k: passes.append(None) or forward(*a, **k)
    )
    return passes


@pytest.mark.slow
def test_compiled_blocks_make_the_same_video_of_any_length(engine: Engine, tiny_model_dir: Path) -> None:
    compiled = FollowYourPosePipeline.from_pretrained(tiny_model_dir)
    compiled.set_progress_bar_config(disable=True)
    graphs: list[Any] = []

    def backend(graph: Any, _inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)  # traced as for any backend, then run without a compiler
        return graph.forward

    compile_blocks(compiled, backend)
    counts = []
    for frames in (3, 5):
        skeleton = np.zeros((frames, 32, 32, 3), np.uint8)
        videos = [
            pipeline("a robot", skeleton, generator=torch.Generator().manual_seed(0)).frames
            for pipeline in (engine.pipeline, compiled)
        ]
        np.testing.assert_allclose(*videos, atol=1e-4)
        counts.append(len(graphs))
    assert counts[0] == counts[1], "compiled once for any number of frames"


def test_where_nothing_can_be_compiled_an_error_says_so(engine: Engine) -> None:
    with pytest.raises(InputError, match="leave --compile out"):
        compile_blocks(engine.pipeline, backend="no such backend")
