"""Training at toy size: what each stage learns, that a run can be broken off and continued, and bad settings."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from accelerate import Accelerator
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file

import train_followyourpose
from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import GenerationRequest
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import WorldClip, render_skeletons, sample_clip, vocabulary
from fyp_core.training.config import WorldData
from fyp_core.training.config_file import load_config
from fyp_core.training.data.world import EncodedClips, LatentCache, LatentDataset
from fyp_core.training.loop import TrainingRun
from fyp_core.training.stages.autoencoder import (
    AutoencoderStage,
    WorldImages,
    initialise_near_identity,
    standardise_latents,
    to_network,
)
from fyp_core.training.stages.diffusion import near_skeleton
from fyp_core.training.stages.text_to_image import word_tokenizer
from fyp_core.unet import stage2_parameter_names
from fyp_core.weights.convert import convert_model
from fyp_core.weights.sources import resolve_model
from fyp_media.errors import InputError
from fyp_media.write_video import write_video

SIZE = 32
WORLD = {"size": SIZE, "clips": 3, "n_sample_frames": 2}
AUTOENCODER = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8] * 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "mid_block_add_attention": False,
}
IMAGE_MODEL = {
    "unet": {
        "block_out_channels": [8, 16],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    },
    "text_encoder": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    },
    "scheduler": {
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
    },
}
COMMON = {
    "max_train_steps": 3,
    "train_batch_size": 2,
    "lr_warmup_steps": 0,
    "learning_rate": 1e-2,
    "validation_steps": 3,
}
PARTS = {"vae": "diffusion_pytorch_model", "text_encoder": "model", "unet": "diffusion_pytorch_model",
         "pose_encoder": "diffusion_pytorch_model"}  # fmt: skip


def run_stage(folder: Path, stage: str, overrides: Sequence[str] = (), **settings: Any) -> Path:
    """Train through the command; returns the exported model."""
    path = stage_config(folder, stage, **settings)
    assert train_followyourpose.main([f"--config={path}", *overrides]) == 0
    return folder / stage / "model"


def stage_config(folder: Path, stage: str, **settings: Any) -> Path:
    world = {**WORLD, "cache": str(folder / "latents")}
    config = {"stage": stage, "output_dir": str(folder / stage), "train_data": world, **COMMON, **settings}
    path = folder / f"{stage}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All stages one after the other."""
    folder = tmp_path_factory.mktemp("training")
    made = {"autoencoder": run_stage(folder, "autoencoder", model=AUTOENCODER, ema_decay=0.9, crop_share=0.5)}
    made["text_to_image"] = run_stage(
        folder,
        "text_to_image",
        pretrained_model_path=str(made["autoencoder"]),
        model=IMAGE_MODEL,
        pipeline={"default_num_inference_steps": 2},
    )
    for stage, before in (
        ("pose", "text_to_image"),
        ("pose_joint", "pose"),
        ("temporal", "pose"),
        ("one_stage", "text_to_image"),
    ):
        made[stage] = run_stage(
            folder, stage, pretrained_model_path=str(made[before]), pipeline={"noise_share": 0.5}
        )
    made["turbo"] = run_stage(
        folder, "turbo", pretrained_model_path=str(made["temporal"]), rank=2, teacher_steps=2, ema_decay=0.5
    )
    return made


def weights(model: Path) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor
        for part, file in PARTS.items()
        for name, tensor in load_file(model / part / f"{file}.safetensors").items()
    }


def changed(before: Path, after: Path) -> set[str]:
    old, new = weights(before), weights(after)
    assert old.keys() == new.keys()
    return {name for name in old if not torch.equal(old[name], new[name])}


def test_a_decoder_trained_alone_reads_the_same_latents(models: dict[str, Path], tmp_path: Path) -> None:
    before = models["autoencoder"]
    after = run_stage(tmp_path, "autoencoder", pretrained_model_path=str(before), decoder_only=True)
    old, new = (load_file(model / "vae" / f"{PARTS['vae']}.safetensors") for model in (before, after))
    names = {name for name in old if not torch.equal(old[name], new[name])}
    assert names
    assert {name.split(".")[0] for name in names} <= {"decoder", "post_quant_conv"}


def test_stage_1_changes_the_pose_encoder_alone(models: dict[str, Path]) -> None:
    names = changed(models["text_to_image"], models["pose"])
    assert names
    assert all(name.startswith("pose_encoder.") for name in names)


def test_the_joint_stage_changes_the_image_model_too(models: dict[str, Path]) -> None:
    parts = {name.split(".")[0] for name in changed(models["pose"], models["pose_joint"])}
    assert parts == {"pose_encoder", "unet", "text_encoder"}


def test_the_one_stage_run_changes_all_but_the_autoencoder(models: dict[str, Path]) -> None:
    names = changed(models["text_to_image"], models["one_stage"])
    assert {name.split(".")[0] for name in names} == {"pose_encoder", "unet", "text_encoder"}
    assert any("conv_temporal" in name for name in names)


def test_stage_2_changes_what_the_paper_names(models: dict[str, Path]) -> None:
    names = changed(models["pose"], models["temporal"])
    learnt = stage2_parameter_names(FollowYourPosePipeline.from_pretrained(models["temporal"]).unet)
    assert names
    assert names <= {f"unet.{name}" for name in learnt}
    for layer in ("attn1.to_q", "attn2.to_q", "norm_temp", "attn_temp", "conv_temporal"):
        assert any(f".{layer}." in name for name in names), layer


def test_the_turbo_stage_leaves_the_model_as_it_is_and_adds_a_lora(models: dict[str, Path]) -> None:
    assert changed(models["temporal"], models["turbo"]) == set()
    own = "model_index.json"
    assert (models["temporal"] / own).read_text() == (models["turbo"] / own).read_text()
    matrices = load_file(models["turbo"] / "turbo" / "turbo.safetensors")
    assert all(tensor.dtype == torch.float16 for tensor in matrices.values())
    assert all(tensor.abs().max() > 0 for tensor in matrices.values())


@pytest.mark.slow
def test_turbo_takes_the_models_own_lora(models: dict[str, Path], tmp_path: Path) -> None:
    convert_model(resolve_model(models["turbo"]), tmp_path / "converted", torch.float16)
    engine = Engine(str(tmp_path / "converted"), runtime=Runtime(device="cpu", dtype="fp32"))
    write_video(tmp_path / "skeleton.mp4", sample_clip(np.random.default_rng(0), 4, SIZE).skeletons(), 12)
    request = GenerationRequest(
        input=str(tmp_path / "skeleton.mp4"),
        input_type="skeleton",
        prompt="a robot on the moon",
        frames=4,
        stride=1,
        seed=1,
    )
    result = engine.generate(request.changed(preset="turbo"))
    used = result.settings()
    assert (used["scheduler"], used["steps"], used["guidance"]) == ("ddim-trailing", 4, 1.0)
    assert used["loras"] == ["turbo.safetensors:1"]
    assert "LoRA" not in "".join(result.notices)
    exact = engine.generate(request)
    assert exact.settings()["loras"] == []
    never_turbo = Engine(str(tmp_path / "converted"), runtime=Runtime(device="cpu", dtype="fp32"))
    assert np.array_equal(never_turbo.generate(request).frames, exact.frames)
    assert exact.request.steps == engine.pipeline.config.default_num_inference_steps


def test_the_result_generates_with_its_own_settings(models: dict[str, Path]) -> None:
    pipeline = FollowYourPosePipeline.from_pretrained(models["temporal"])
    assert pipeline.config.default_num_inference_steps == 2
    assert pipeline.config.noise_share == 0.5
    video = pipeline("an astronaut on the beach", np.zeros((3, SIZE, SIZE, 3), np.uint8)).frames[0]
    assert video.shape == (3, SIZE, SIZE, 3)


def test_every_stage_leaves_sample_sheets(models: dict[str, Path]) -> None:
    for model in models.values():
        assert [path.name for path in (model.parent / "samples").iterdir()] == ["step-000003.png"]


@pytest.mark.slow
def test_a_broken_off_run_ends_with_the_same_weights(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"pretrained_model_path": str(models["text_to_image"]), "max_train_steps": 5, "ema_decay": 0.5}
    whole = run_stage(tmp_path, "pose", **settings)

    parted = tmp_path / "parted"
    update, steps = TrainingRun.update, iter(range(100))

    def update_then_kill(*arguments: Any) -> float:
        if next(steps) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(*arguments)

    monkeypatch.setattr(TrainingRun, "update", update_then_kill)
    parted.mkdir()
    with pytest.raises(SystemExit, match="step 3"):
        run_stage(parted, "pose", **settings)
    monkeypatch.undo()
    assert [path.name for path in (parted / "pose").glob("checkpoint-*")] == ["checkpoint-000003"]
    continued = run_stage(parted, "pose", **settings)
    assert not changed(whole, continued)


INTERRUPTED = Path(__file__).parents[2] / "data/interrupted_training"


def test_a_run_interrupted_before_the_folders_were_sorted_is_continued(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    """A checkpoint of the commit 1d706ef, with what that had learnt two steps later."""
    rng = np.random.default_rng(0)
    for index in range(4):
        for suffix in ("png", "skeleton.png"):
            picture = tmp_path / f"pictures/{index}.{suffix}"
            picture.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(picture)
        (tmp_path / f"pictures/{index}.txt").write_text("a robot dances")
    shutil.copytree(INTERRUPTED / "checkpoint-000002", tmp_path / "pose/checkpoint-000002")
    run_stage(
        tmp_path,
        "pose",
        pretrained_model_path=str(tiny_model_dir),
        train_data={"kind": "images", "path": str(tmp_path / "pictures"), "width": 32, "height": 32},
        trainable_modules=["gain", "block2"],
        max_train_steps=4,
        lr_warmup_steps=1,
        ema_decay=0.5,
        checkpointing_steps=2,
        validation_steps=100,
        text_dropout=0.5,
    )
    expected = load_file(INTERRUPTED / "learnt_at_step_4.safetensors")
    learnt = load_file(tmp_path / "pose/checkpoint-000004/learnt.safetensors")
    start = load_file(INTERRUPTED / "checkpoint-000002/learnt.safetensors")
    assert learnt.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(learnt[name], tensor, atol=1e-4, rtol=1e-3)
    assert any((expected[name] - start[name]).abs().max() > 5e-3 for name in expected)


def test_a_signal_while_samples_are_drawn_costs_no_steps(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preview_and_kill(run: TrainingRun) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TrainingRun, "preview", preview_and_kill)
    with pytest.raises(SystemExit, match="step 3; the same command continues"):
        run_stage(
            tmp_path, "pose", pretrained_model_path=str(models["text_to_image"]), max_train_steps=9,
            validation_steps=2, checkpointing_steps=100,
        )  # fmt: skip
    assert [path.name for path in (tmp_path / "pose").glob("checkpoint-*")] == ["checkpoint-000003"]


def test_ctrl_c_while_clips_are_rendered_leaves_at_once(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(
        "fyp_core.training.data.world.sample_world", lambda *_: os.kill(os.getpid(), signal.SIGINT)
    )
    monkeypatch.setattr(TrainingRun, "steps", lambda run: pytest.fail("it went on"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which background jobs ignore
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    config = stage_config(tmp_path, "pose", pretrained_model_path=str(models["pose"]))
    assert train_followyourpose.main([f"--config={config}"]) == 130


def test_settings_changed_since_a_checkpoint_hold(models: dict[str, Path], tmp_path: Path) -> None:
    settings = {"pretrained_model_path": str(models["text_to_image"]), "ema_decay": 0.5}
    run_stage(tmp_path, "pose", checkpointing_steps=2, validation_steps=100, **settings)
    older = f"resume_from_checkpoint={tmp_path / 'pose/checkpoint-000002'}"
    averages = weights(
        run_stage(tmp_path, "pose", [older, "learning_rate=0", "ema_decay=0.0001"], **settings)
    )
    learnt = load_file(tmp_path / "pose/checkpoint-000003/learnt.safetensors")
    earlier = load_file(tmp_path / "pose/checkpoint-000002/learnt.safetensors")
    assert all(torch.equal(tensor, earlier[name]) for name, tensor in learnt.items())
    for name, tensor in learnt.items():  # which an average that forgets at once follows
        torch.testing.assert_close(averages[name], tensor, atol=1e-5, rtol=0)
    aside = load_file(tmp_path / "pose/checkpoint-000003.aside/learnt.safetensors")
    assert any(not torch.equal(tensor, earlier[name]) for name, tensor in aside.items())


def test_a_run_on_an_older_checkpoint_keeps_what_it_stands_on(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "pretrained_model_path": str(models["text_to_image"]),
        "max_train_steps": 4,
        "checkpointing_steps": 2,
        "validation_steps": 100,
    }
    run_stage(tmp_path, "pose", **settings)
    update = TrainingRun.update

    def kill_and_update(*arguments: Any) -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        return update(*arguments)

    monkeypatch.setattr(TrainingRun, "update", kill_and_update)
    older = f"resume_from_checkpoint={tmp_path / 'pose/checkpoint-000002'}"
    with pytest.raises(SystemExit, match="step 3; resume_from_checkpoint=latest continues"):
        run_stage(tmp_path, "pose", [older], **settings)
    assert sorted(path.name for path in (tmp_path / "pose").glob("checkpoint-*")) == [
        "checkpoint-000002", "checkpoint-000003", "checkpoint-000004.aside"
    ]  # fmt: skip


def test_processes_that_find_different_checkpoints_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Accelerator, "gather", lambda self, step: torch.cat([step, step + 2]))
    with pytest.raises(AssertionError):  # its exit status is 2
        run_stage(tmp_path, "autoencoder", model=AUTOENCODER)
    assert "all machines share" in capsys.readouterr().err


def test_a_sheet_that_fails_costs_no_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the checkpoints lie some that people put aside, which are neither counted nor deleted."""

    def fail(*arguments: Any) -> None:
        raise InputError("nothing to show")

    monkeypatch.setattr(AutoencoderStage, "preview", fail)
    folder = tmp_path / "autoencoder"
    for name in ("checkpoint-000500-best", "checkpoint-000500.bak"):
        (folder / name).mkdir(parents=True)
    with pytest.raises(AssertionError):  # its exit status is 2
        run_stage(
            tmp_path, "autoencoder", model=AUTOENCODER, checkpointing_steps=1, checkpoints_total_limit=1
        )
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint-000003", "checkpoint-000500-best", "checkpoint-000500.bak", "samples"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["learning_rat=1"], "learning_rat; did you mean learning_rate"),
        (["train_data.clip=1"], "train_data.clip; did you mean train_data.clips"),
        (["max_train_steps=many"], "many"),
        (["stage=third"], "stage must be one of"),
        (["pretrained_model_path=nowhere"], "train the stage before it"),
    ],
)
def test_bad_settings_are_one_sentence(
    overrides: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pose.yaml"
    path.write_text(f"stage: pose\noutput_dir: {tmp_path / 'out'}\n")
    assert train_followyourpose.main([f"--config={path}", *overrides]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_settings_may_build_on_another_file(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text("train_data: {clips: 7, size: 64}\nseed: 1\n")
    (tmp_path / "pose.yaml").write_text("base: world.yaml\nstage: pose\nseed: 2\n")
    config = load_config(tmp_path / "pose.yaml", ["train_data.size=32"])
    assert (config.stage, config.seed, config.train_data.clips, config.train_data.size) == ("pose", 2, 7, 32)


def test_missing_or_empty_configuration(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00binary")
    for name in ("nowhere.yaml", "list.yaml", "binary.yaml"):
        with pytest.raises(InputError, match=name):
            load_config(tmp_path / name)


@pytest.mark.parametrize(
    "stage", ["autoencoder", "text_to_image", "pose", "pose_joint", "temporal", "one_stage"]
)
def test_the_configurations_of_mini_are_valid(stage: str) -> None:
    config = load_config(Path(__file__).parents[3] / f"configs/mini_{stage}.yaml")
    assert config.stage == stage
    assert config.train_data.clips > 1000


def test_every_word_of_the_world_is_a_token() -> None:
    tokenizer = word_tokenizer(vocabulary())
    ids = tokenizer("The astronaut, on the MOON!").input_ids
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the astronaut on the moon"
    assert tokenizer.unk_token_id in tokenizer("a zeppelin").input_ids


def small_autoencoder() -> AutoencoderKL:
    torch.manual_seed(0)
    vae = AutoencoderKL(**AUTOENCODER, scaling_factor=1.0)
    initialise_near_identity(vae)
    return vae


def test_standard_latents_without_a_change_of_pictures() -> None:
    data = WorldImages(WorldData(size=SIZE), seed=3)
    pictures = to_network(torch.stack([data[i]["picture"] for i in range(32)]))
    vae = small_autoencoder().eval()
    with torch.no_grad():
        before = vae.decode(vae.encode(pictures).latent_dist.mean).sample
        standardise_latents(vae, data)
        latents = vae.encode(pictures).latent_dist.mean
        after = vae.decode(latents).sample
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)
    spread = latents.transpose(0, 1).flatten(1)
    assert spread.mean(1).abs().max() < 0.4
    assert ((spread.std(1) - 1).abs() < 0.4).all()


def test_the_cache_is_made_once_and_again_for_another_world(tmp_path: Path) -> None:
    config = WorldData(**WORLD, cache=str(tmp_path))
    vae = small_autoencoder()
    first = only_group(LatentCache.open(vae, config)).latents
    made = (tmp_path / "clips.safetensors").stat().st_mtime_ns
    assert torch.equal(only_group(LatentCache.open(vae, config)).latents, first)
    assert (tmp_path / "clips.safetensors").stat().st_mtime_ns == made
    other = LatentCache.open(vae, WorldData(**WORLD | {"seed": 1}, cache=str(tmp_path)))
    assert not torch.equal(only_group(other).latents, first)


def only_group(cache: LatentCache) -> EncodedClips:
    (group,) = cache.groups
    return group


def test_clips_of_several_sizes_and_people_make_batches_of_one_size(tmp_path: Path) -> None:
    several = {
        "sizes": [(SIZE, SIZE), (SIZE, 2 * SIZE)],
        "people": [0, 1, 1],
        "clips": 6,
        "cache": str(tmp_path),
    }
    cache = LatentCache.open(small_autoencoder(), WorldData(**WORLD | several))
    assert [group.size for group in cache.groups] == [(SIZE, SIZE), (SIZE, 2 * SIZE)]
    assert all(group.keypoints.shape[2:] == (3, 17, 2) for group in cache.groups)
    assert all(len(characters) >= 2 for group in cache.groups for characters, *_ in group.labels)
    data = LatentDataset(
        cache, 0, lambda text: torch.tensor([len(text)]), whole_clips=False, batch=4, text_dropout=0
    )
    widths = [[data[4 * batch + i]["latents"].shape[-1] for i in range(4)] for batch in range(12)]
    assert all(len(set(batch)) == 1 for batch in widths)
    assert {batch[0] for batch in widths} == {4, 8}
    sample = data[0]
    assert sample["skeleton"].shape[-1] == 8 * sample["latents"].shape[-1]


def test_a_cache_that_cannot_be_written_is_reported_before_rendering(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = WorldData(**WORLD, cache=str(tmp_path / "file/latents"))
    with pytest.raises(InputError, match=r"file; choose another place for train_data\.cache"):
        LatentCache.open(small_autoencoder(), config)


def test_the_cache_is_made_again_when_the_world_is_drawn_differently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = WorldData(**WORLD, cache=str(tmp_path))
    vae = small_autoencoder()
    first = only_group(LatentCache.open(vae, config)).latents

    def darker(*arguments: Any, **settings: Any) -> WorldClip:
        clip = sample_clip(*arguments, **settings)
        return replace(clip, frames=clip.frames // 2)

    monkeypatch.setattr("fyp_core.training.data.world.sample_clip", darker)
    assert not torch.equal(only_group(LatentCache.open(vae, config)).latents, first)


def test_worker_processes_render_the_same_clips(tmp_path: Path) -> None:
    vae = small_autoencoder()
    alone, shared = (
        only_group(
            LatentCache.open(
                vae, WorldData(**WORLD | {"clips": 5}, cache=str(tmp_path / str(workers))), workers
            )
        )
        for workers in (0, 2)
    )
    assert alone.labels == shared.labels
    assert len(alone.labels) == 5
    assert torch.equal(alone.keypoints, shared.keypoints)
    assert torch.equal(alone.latents, shared.latents)


@pytest.mark.parametrize("whole_clips", [False, True])
def test_samples_repeat_and_fit_together(tmp_path: Path, whole_clips: bool) -> None:
    cache = LatentCache.open(small_autoencoder(), WorldData(**WORLD, cache=str(tmp_path)))
    data = LatentDataset(
        cache, 0, lambda text: torch.tensor([len(text)]), whole_clips=whole_clips, batch=1, text_dropout=0.5
    )
    sample, again = data[5], data[5]
    assert all(torch.equal(sample[name], again[name]) for name in sample)
    frames = (2,) if whole_clips else ()
    assert sample["latents"].shape == (4, *frames, 4, 4)
    assert sample["skeleton"].shape == (*frames, 3, SIZE, SIZE)
    assert sample["skeleton"].dtype == torch.uint8 and sample["skeleton"].max() > 80
    dropped = sum(int(data[i]["tokens"]) == 0 for i in range(200))
    assert 60 < dropped < 140


def test_some_skeletons_lack_a_limb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def note(keypoints: np.ndarray, scores: np.ndarray, *size: float) -> np.ndarray:
        drawn.append(frozenset(np.flatnonzero(scores[0, 0] == 0)))
        return render_skeletons(keypoints, scores, *size)

    monkeypatch.setattr("fyp_core.training.data.world.render_skeletons", note)
    cache = LatentCache.open(small_autoencoder(), WorldData(**WORLD, cache=str(tmp_path)))
    only_group(cache).scores.fill_(1)
    data = LatentDataset(cache, 0, lambda text: torch.zeros(1), whole_clips=False, batch=1, text_dropout=0)
    for index in range(300):
        data[index]
    assert 0.7 < drawn.count(frozenset()) / 300 < 0.9
    left_arm, legs = {7, 9}, {13, 14, 15, 16}
    assert {frozenset(left_arm), frozenset(legs)} <= set(drawn)


def test_the_neighbourhood_of_a_skeleton() -> None:
    skeleton = torch.zeros(1, 3, 64, 64)
    skeleton[0, 1, 30:34, 8] = 1.0
    mask = near_skeleton(skeleton, torch.zeros(1, 4, 8, 8))
    assert mask.shape == (1, 1, 8, 8)
    assert mask.sum() == 4 * 3  # two latent locations and what touches them
    assert mask[0, 0, 3, 1] == 1
