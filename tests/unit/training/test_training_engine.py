"""The parts of the training engine: what learns, what is drawn for whom, what is computed, what it takes."""

from __future__ import annotations

import copy
import errno
import gc
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from accelerate import Accelerator
from accelerate.commands.config import config_args
from accelerate.utils import DistributedType
from safetensors import SafetensorError
from torch import nn
from torch.profiler import ProfilerActivity, profile

import train_followyourpose
from fyp_core.autoencoder import FoldedAutoencoder
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.training.accelerator import create_accelerator
from fyp_core.training.batches import own_positions
from fyp_core.training.config import TrainConfig
from fyp_core.training.config_file import load_config
from fyp_core.training.launcher import launcher_arguments, torchrun_options
from fyp_core.training.loop import TrainingRun, train
from fyp_core.training.memory import estimate
from fyp_core.training.optimizers import create_optimizer, create_scheduler
from fyp_core.training.stage import Draws, create_stage
from fyp_core.training.stages.diffusion import DiffusionStage
from fyp_core.training.trainable import learnt_names
from fyp_media.errors import InputError
from tests.tiny_formats import single_file, stable_diffusion_folder
from tests.tiny_model import build_pipeline

CONFIGS = Path(__file__).parents[3] / "configs"
CPU = torch.device("cpu")
STAGE_1 = {"stage": "pose", "train_data": {"kind": "images", "path": "x", "width": 32, "height": 32}}
STAGE_2 = {
    "stage": "temporal",
    "train_data": {"kind": "clips", "path": "x", "width": 32, "height": 32, "n_sample_frames": 3},
}


class Line:
    """A stage of two numbers, which learn in no time."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Linear(1, 1)
        self.data = [{"x": torch.tensor([float(index)])} for index in range(12)]

    def loss(self, network: nn.Module, batch: dict[str, torch.Tensor], draws: Draws) -> torch.Tensor:
        return (network(batch["x"])[:, 0] - draws.uniform()).square().mean()

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        (folder / "line.txt").touch()


@pytest.fixture
def settings(tmp_path: Path, tiny_model_dir: Path) -> Any:
    """Writes settings to a file and reads them as the command does."""

    def load(given: dict[str, Any], **more: Any) -> TrainConfig:
        path = tmp_path / "train.yaml"
        base = {"pretrained_model_path": str(tiny_model_dir), "output_dir": str(tmp_path / "out")}
        path.write_text(yaml.safe_dump(base | given | more))
        return load_config(path)

    return load


def example(stage: DiffusionStage) -> dict[str, torch.Tensor]:
    """A batch of two with content."""
    generator = torch.Generator().manual_seed(1)
    batch = stage.example(2)
    for name in {"pixels", "skeleton"} & batch.keys():
        batch[name] = torch.rand(batch[name].shape, generator=generator)
    return batch


def gradients(config: TrainConfig, by_deepspeed: bool = False) -> tuple[float, dict[str, torch.Tensor]]:
    """DeepSpeed turns the whole network to the number format that autocast would compute in."""
    stage = create_stage(config)
    if config.stage == "pose":
        torch.nn.init.ones_(stage.network.pose_encoder.gain)
    stage.network.train()
    mixed = config.mixed_precision != "no"
    if by_deepspeed:
        stage.network.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed and not by_deepspeed):
        loss = stage.loss(stage.network, example(stage), Draws(0, [4, 5], CPU))
    loss.backward()
    return loss.item(), {name: p.grad for name, p in stage.network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("given", [STAGE_1, STAGE_2])
def test_gradient_checkpointing_changes_no_gradient(settings: Any, given: dict[str, Any]) -> None:
    loss, plain = gradients(settings(given))
    again, checkpointed = gradients(settings(given, gradient_checkpointing=True))
    assert loss == again
    assert plain.keys() == checkpointed.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient)
    assert any(gradient.abs().max() > 0 for gradient in plain.values())


def test_the_skeleton_matters_under_gradient_checkpointing(settings: Any) -> None:
    stage = create_stage(settings(STAGE_1, gradient_checkpointing=True))
    stage.network.train()
    batch, draws = example(stage), lambda: Draws(0, [4, 5], CPU)
    with_skeleton = stage.loss(stage.network, batch, draws())
    batch["skeleton"] = torch.zeros_like(batch["skeleton"])
    assert stage.loss(stage.network, batch, draws()) != with_skeleton


@pytest.mark.parametrize("given", [STAGE_1, STAGE_2])
def test_frozen_layers_in_half_compute_the_same(
    settings: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    halved, of_halved = gradients(settings(given, mixed_precision="bf16"))
    monkeypatch.setattr("fyp_core.training.stages.diffusion.cast_frozen_layers", lambda *_: None)
    whole, of_whole = gradients(settings(given, mixed_precision="bf16"))
    assert halved == whole
    assert all(torch.equal(of_halved[name], gradient) for name, gradient in of_whole.items())


def test_what_is_frozen_gets_neither_gradient_nor_full_precision(settings: Any) -> None:
    stage = create_stage(settings(STAGE_2, mixed_precision="bf16"))
    for name, parameter in stage.network.named_parameters():
        if parameter.requires_grad:
            assert parameter.dtype == torch.float32, name
    frozen = [p for p in stage.network.parameters() if not p.requires_grad]
    assert sum(p.numel() for p in frozen if p.dtype == torch.bfloat16) > 0.8 * sum(p.numel() for p in frozen)
    optimizer = create_optimizer([p for p in stage.network.parameters() if p.requires_grad], stage.config, 1)
    held = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    assert held == sum(p.numel() for p in stage.network.parameters() if p.requires_grad)


@pytest.mark.parametrize("given", [STAGE_1, STAGE_2])
def test_a_network_wholly_in_half_learns_as_deepspeed_has_it(settings: Any, given: dict[str, Any]) -> None:
    config = settings(given, mixed_precision="bf16")
    loss, found = gradients(config, by_deepspeed=True)
    expected_loss, expected = gradients(config)
    assert loss == pytest.approx(expected_loss, rel=0.02)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        error = (found[name] - gradient).norm()
        assert error < 0.1 * gradient.norm() + 1e-3, name


@pytest.mark.parametrize(("precision", "fused"), [("no", True), ("bf16", True), ("fp16", False)])
def test_steps_that_fp16_skips_are_reported(settings: Any, precision: str, fused: bool) -> None:
    """A fused optimizer leaves them out in silence, and the learning rate would go on."""
    config = settings(STAGE_2, mixed_precision=precision)
    optimizer = create_optimizer([torch.nn.Parameter(torch.zeros(1))], config, 1)
    assert optimizer.defaults["fused"] is fused


def test_adam_in_8_bits_learns_the_same_and_goes_on_exactly(settings: Any, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed.")
    torch.manual_seed(0)
    layer, pictures = nn.Linear(128, 64), torch.randn(8, 128)

    def trained(steps: int, start: dict[str, Any] | None = None, **change: Any) -> dict[str, Any]:
        learner = copy.deepcopy(layer)
        config = settings(STAGE_2 | {"learning_rate": 1e-3} | change)
        optimizer = create_optimizer(list(learner.parameters()), config, 1)
        if start:
            torch.save(start, tmp_path / "state.pt")
            start = torch.load(tmp_path / "state.pt", weights_only=True)
            learner.load_state_dict(start["weights"])
            optimizer.load_state_dict(start["optimizer"])
        for _ in range(steps):
            optimizer.zero_grad()
            learner(pictures).square().mean().backward()
            optimizer.step()
        if config.use_8bit_adam:
            assert optimizer.state[learner.weight]["state1"].dtype == torch.uint8
        return {"weights": learner.state_dict(), "optimizer": optimizer.state_dict()}

    in_8_bits = {"use_8bit_adam": True}
    whole = trained(6, **in_8_bits)
    half = trained(3, **in_8_bits)
    for name, tensor in trained(3, half, **in_8_bits)["weights"].items():
        assert torch.equal(tensor, whole["weights"][name])
    full, start = trained(6)["weights"], layer.state_dict()
    for name, tensor in whole["weights"].items():
        assert (tensor - full[name]).norm() < 0.05 * (full[name] - start[name]).norm()


def test_8_bits_without_their_package_are_one_sentence(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(InputError, match="pip install bitsandbytes"):
        create_optimizer([nn.Parameter(torch.zeros(1))], settings(STAGE_2, use_8bit_adam=True), 1)


def test_fsdp_of_version_1_is_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SimpleNamespace(distributed_type=DistributedType.FSDP, is_fsdp2=False)
    monkeypatch.setattr("fyp_core.training.accelerator.Accelerator", lambda **_: first)
    with pytest.raises(InputError, match="set fsdp_version: 2"):
        create_accelerator(settings(STAGE_2))


@pytest.mark.parametrize(
    ("given", "taken"),
    [({}, 0.5), ({"gradient_clipping": "auto"}, 0.5), ({"gradient_clipping": 2.0}, 2.0)],
)
def test_deepspeed_clips_as_configured(
    settings: Any, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], taken: float
) -> None:
    plugin = SimpleNamespace(deepspeed_config=dict(given))
    deepspeed = SimpleNamespace(
        distributed_type=DistributedType.DEEPSPEED, state=SimpleNamespace(deepspeed_plugin=plugin)
    )
    monkeypatch.setattr("fyp_core.training.accelerator.Accelerator", lambda **_: deepspeed)
    create_accelerator(settings(STAGE_2, max_grad_norm=0.5))
    assert plugin.deepspeed_config["gradient_clipping"] == taken


def test_the_configuration_rules_how_many_batches_make_a_step(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DeepSpeed and accelerate's launcher both bring a number of their own, 1 where nobody gave one."""
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    config = settings(STAGE_2, gradient_accumulation_steps=4)
    assert create_accelerator(config).gradient_accumulation_steps == 4
    plugin = SimpleNamespace(deepspeed_config={"gradient_accumulation_steps": 1})
    deepspeed = SimpleNamespace(
        distributed_type=DistributedType.DEEPSPEED, state=SimpleNamespace(deepspeed_plugin=plugin)
    )
    monkeypatch.setattr("fyp_core.training.accelerator.Accelerator", lambda **_: deepspeed)
    create_accelerator(config)
    assert plugin.deepspeed_config["gradient_accumulation_steps"] == 4


def line_after(config: TrainConfig) -> torch.Tensor:
    """Slope and offset after all steps."""
    run = TrainingRun(Line(), config)
    assert len(list(run.steps())) == config.max_train_steps
    return torch.cat([parameter.detach().flatten() for parameter in run.learning])


# With such an epsilon Adam's steps are as long as the gradients are large, and no error in their scale is hidden.
FEW_STEPS = {"max_train_steps": 3, "lr_warmup_steps": 0, "learning_rate": 0.1, "adam_epsilon": 1.0}


@pytest.mark.parametrize("norm", [0.1, 100.0])
def test_two_batches_a_step_learn_as_one_of_twice_the_size(settings: Any, norm: float) -> None:
    shared = STAGE_2 | FEW_STEPS | {"max_grad_norm": norm}
    whole = line_after(settings(shared, train_batch_size=2))
    halves = line_after(settings(shared, train_batch_size=1, gradient_accumulation_steps=2))
    torch.testing.assert_close(halves, whole)
    assert not torch.allclose(whole, line_after(settings(shared, train_batch_size=1)))


def test_a_norm_of_0_clips_nothing(settings: Any) -> None:
    free, clipped, wide = (
        line_after(settings(STAGE_2 | FEW_STEPS, train_batch_size=2, max_grad_norm=norm))
        for norm in (0.0, 0.1, 1e6)
    )
    assert torch.equal(free, wide)
    assert not torch.allclose(free, clipped)


@pytest.mark.parametrize("name", ["learnt.safetensors", "optimizer.bin", "progress.json"])
def test_a_damaged_checkpoint_is_reported(settings: Any, name: str) -> None:
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2)
    run = TrainingRun(Line(), config)
    run.save()
    (run.folder / "checkpoint-000000" / name).write_bytes(b"no longer whole")
    with pytest.raises(
        InputError, match=r"checkpoint-000000 is damaged or does not fit .*; continue another"
    ):
        TrainingRun(Line(), config).resume()


@pytest.mark.parametrize("name", ["learnt.safetensors", "optimizer.bin", "progress.json"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    settings: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2, checkpointing_steps=1)
    whole, broken, continued = (
        TrainingRun(Line(), config),
        TrainingRun(Line(), config),
        TrainingRun(Line(), config),
    )
    for _ in whole.steps():
        whole.save()
    expected = [parameter.detach().clone() for parameter in whole.learning]
    newest = broken.folder / "checkpoint-000003" / name
    newest.write_bytes(newest.read_bytes()[:-9])
    continued.resume()
    assert continued.step == 2
    assert "checkpoint-000003 cannot be read" in caplog.text
    assert "continues from" in caplog.text
    assert sorted(path.name for path in continued.folder.glob("checkpoint-*")) == [
        "checkpoint-000002", "checkpoint-000003.aside"
    ]  # fmt: skip
    list(continued.steps())
    assert all(torch.equal(a, b) for a, b in zip(continued.learning, expected, strict=True))


def test_all_processes_fall_back_when_one_cannot_read(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2)
    whole, continued = TrainingRun(Line(), config), TrainingRun(Line(), config)
    for _ in whole.steps():
        whole.save()
    readable_elsewhere = iter([0, 1])

    def gather(accelerator: Accelerator, own: torch.Tensor) -> torch.Tensor:
        """With a second process, which cannot read the newest."""
        return torch.cat([own, torch.full_like(own, next(readable_elsewhere, int(own)))])

    monkeypatch.setattr(Accelerator, "gather", gather)
    shutil.copytree(
        whole.folder / "checkpoint-000002", whole.folder / "checkpoint-000001"
    )  # one before the last
    continued.resume()
    assert continued.step == 2
    assert "cannot be read (by another process)" in caplog.text


def test_of_several_damaged_checkpoints_the_newest_is_reported(settings: Any) -> None:
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2)
    run = TrainingRun(Line(), config)
    for _ in run.steps():
        run.save()
    for checkpoint in run.checkpoints.all():
        (checkpoint / "optimizer.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"checkpoint-000003 is damaged"):
        TrainingRun(Line(), config).resume()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError(
            "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"
        ),  # by torch.save
    ],
)
def test_a_full_disk_is_one_sentence(
    settings: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    save_state = Accelerator.save_state

    def fail_once_there_is_one(accelerator: Accelerator, folder: str) -> None:
        if Path(folder).with_name("checkpoint-000001").is_dir():
            raise error
        save_state(accelerator, folder)

    monkeypatch.setattr(Accelerator, "save_state", fail_once_there_is_one)
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2, checkpointing_steps=1)
    with pytest.raises(
        InputError, match=r"The disk is full: nothing more .*; free some space, and"
    ) as raised:
        train(Line(), config)
    assert "\n" not in str(raised.value)
    left = [path.name for path in Path(config.output_dir).iterdir()]
    assert left == ["checkpoint-000001"], "nothing half-written"


def test_a_checkpoint_is_on_the_disk_before_it_gets_its_name(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainingRun(Line(), settings(STAGE_2 | FEW_STEPS, train_batch_size=2))
    flushed: set[str] = set()
    flush, rename = os.fsync, os.replace
    partial = run.folder / "checkpoint.partial"

    def note(descriptor: int) -> None:
        flushed.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    def check(source: Path, target: Path) -> None:
        assert {str(path) for path in [partial, *partial.rglob("*")]} <= flushed
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "replace", check)
    run.save()
    assert str(run.folder) in flushed, "and the name as well"


def test_a_checkpoint_of_other_parameters_is_reported(settings: Any) -> None:
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2)
    TrainingRun(Line(), config).save()
    other = Line()
    other.network.bias.requires_grad_(False)
    with pytest.raises(
        InputError, match=r"does not fit these settings \(other parameters learnt in its run\);"
    ):
        TrainingRun(other, config).resume()


def test_a_run_with_nothing_left_to_do_keeps_its_only_checkpoint(settings: Any) -> None:
    """It is not taken away first to be written once more."""
    config = settings(STAGE_2 | FEW_STEPS, train_batch_size=2, checkpoints_total_limit=1)
    first, second = TrainingRun(Line(), config), TrainingRun(Line(), config)
    list(first.steps())
    first.finish()
    checkpoint = first.folder / "checkpoint-000003"
    before = checkpoint.stat().st_ino
    second.resume()
    second.finish()
    assert checkpoint.stat().st_ino == before


def test_a_folder_that_cannot_be_written_is_reported_before_the_first_step(
    settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        config = settings(STAGE_2, output_dir=str(tmp_path / place))
        with pytest.raises(InputError, match="file; choose another place for output_dir"):
            TrainingRun(Line(), config)


def test_a_course_that_needs_a_higher_learning_rate(settings: Any) -> None:
    config = settings(STAGE_2, lr_scheduler="polynomial", learning_rate=1e-8)
    optimizer = create_optimizer([nn.Parameter(torch.zeros(1))], config, 1)
    with pytest.raises(InputError, match=r"lr_scheduler=polynomial cannot be used here .*; take cosine"):
        create_scheduler(optimizer, config)


def test_the_launcher_decides_on_the_precision_where_the_configuration_does_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert settings(STAGE_2).mixed_precision == "bf16"
    assert not caplog.records
    assert settings(STAGE_2, mixed_precision="fp16").mixed_precision == "fp16"
    assert "mixed_precision=fp16 of the configuration is used, not bf16 of the launcher" in caplog.text
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp8")
    with pytest.raises(InputError, match="mixed_precision must be one of no, fp16, bf16, not 'fp8'"):
        settings(STAGE_2)


@pytest.mark.parametrize("base", ["a.yaml", "b.yaml"])
def test_a_configuration_cannot_build_on_itself(tmp_path: Path, base: str) -> None:
    (tmp_path / "a.yaml").write_text(f"base: {base}\n")
    (tmp_path / "b.yaml").write_text("base: ../" + tmp_path.name + "/a.yaml\n")
    with pytest.raises(InputError, match=r"a\.yaml builds on itself"):
        load_config(tmp_path / "a.yaml")


def test_the_stages_learn_what_the_paper_names(settings: Any) -> None:
    names = learnt_names(create_stage(settings(STAGE_1)).network)
    assert names
    assert all(name.startswith("pose_encoder.") for name in names)
    layers = ("attn1.to_q", "attn2.to_q", "attn_temp", "norm_temp", "conv_temporal")
    network = create_stage(settings(STAGE_2)).network
    expected = {n for n, _ in network.named_parameters() if any(f".{layer}." in n for layer in layers)}
    assert set(learnt_names(network)) == expected


def test_other_modules_may_learn_and_unknown_ones_are_named(settings: Any) -> None:
    some = create_stage(settings(STAGE_2, trainable_modules=["attn_temp"])).network
    assert all(".attn_temp." in name for name in learnt_names(some))
    with pytest.raises(InputError, match=r"attn1\.to_p; did you mean attn1\.to_[kqv]"):
        create_stage(settings(STAGE_2, trainable_modules=["attn1.to_p"]))


def test_random_numbers_belong_to_samples() -> None:
    together, apart = Draws(7, [0, 1, 2], CPU), [Draws(7, [i], CPU) for i in (0, 1, 2)]
    for draw in (
        lambda draws: draws.uniform(),
        lambda draws: draws.normal(3, 4),
        lambda draws: draws.clip_noise(2, 3, 4, 4, share=0.5),
    ):
        assert torch.equal(draw(together), torch.cat([draw(one) for one in apart]))
    assert not torch.equal(Draws(7, [0], CPU).normal(9), Draws(7, [1], CPU).normal(9))
    assert not torch.equal(Draws(7, [0], CPU).normal(9), Draws(8, [0], CPU).normal(9))


def test_processes_share_the_samples_in_order() -> None:
    alone = own_positions(8, 24, 4, 0, 1)
    first, second = (own_positions(8, 24, 2, process, 2) for process in (0, 1))
    assert [list(batch) for batch in alone] == [[*a, *b] for a, b in zip(first, second, strict=True)]
    assert [i for batch in alone for i in batch] == list(range(8, 24))


@pytest.mark.slow
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_min_snr_weights(settings: Any, prediction: str) -> None:
    stage = create_stage(settings(STAGE_2, snr_gamma=5.0))
    stage.noise.register_to_config(prediction_type=prediction)
    t = torch.tensor([0, 300, 999])
    signal = stage.noise.alphas_cumprod[t]
    ratio = signal / (1 - signal)
    expected = ratio.clamp(max=5) / (ratio + (prediction == "v_prediction"))
    weights = stage.timestep_weights(t)
    torch.testing.assert_close(weights[:2], expected[:2], rtol=1e-3, atol=1e-4)
    assert weights.isfinite().all()


@pytest.mark.parametrize("form", ["folder", "file"])
def test_stable_diffusion_is_a_start(settings: Any, tmp_path: Path, form: str, monkeypatch: Any) -> None:
    from benchmarks.random_model import clip_tokenizer

    (tmp_path / "words").mkdir()
    pipeline = build_pipeline(clip_tokenizer(tmp_path / "words"))
    folder = stable_diffusion_folder(pipeline, tmp_path / "checkpoints/stable-diffusion-v1-4")
    monkeypatch.setenv("FYP_CHECKPOINTS", str(tmp_path / "checkpoints"))
    place = folder if form == "folder" else single_file(pipeline, tmp_path / "sd.safetensors")
    stage = create_stage(settings(STAGE_1, pretrained_model_path=str(place)))
    state = pipeline.unet.state_dict()
    for name, tensor in stage.network.unet.state_dict().items():
        torch.testing.assert_close(tensor, state[name])
    assert stage.network.pose_encoder.gain.abs().sum() == 0
    # what is written is a whole model with what was learnt, and the rest as it was
    learnt = {"pose_encoder.gain": torch.full((2,), 0.5)}
    stage.export(tmp_path / "model", learnt)
    made = FollowYourPosePipeline.from_pretrained(tmp_path / "model")
    assert made.pose_encoder.gain.tolist() == [0.5, 0.5]
    assert made.config.default_height == 32
    torch.testing.assert_close(made.unet.conv_in.weight, state["conv_in.weight"])


WORLD_CLIPS = {"n_sample_frames": 4}
OWN = {"path": "x", "width": 128, "height": 128}
PICTURES, CLIPS = {"kind": "images", **OWN}, {"kind": "clips", "n_sample_frames": 4, **OWN}
HALF = {"mixed_precision": "bf16", "gradient_accumulation_steps": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "data", "more"),
    [
        ("temporal", WORLD_CLIPS, {}),
        ("temporal", WORLD_CLIPS, {"gradient_checkpointing": True}),
        ("temporal", WORLD_CLIPS, HALF),
        ("temporal", CLIPS, HALF),
        ("pose", {}, {}),
        ("pose", PICTURES, {"gradient_checkpointing": True}),
        ("pose", PICTURES, HALF),
    ],
)
def test_memory_is_estimated_before(
    settings: Any, stage: str, data: dict[str, Any], more: dict[str, Any]
) -> None:
    """On mini, against what PyTorch's allocator saw."""
    mini = {"stage": stage, "train_data": data, "pretrained_model_path": "mini"}
    config = settings(mini, train_batch_size=2, **more)
    stage = create_stage(config)
    batch = example(stage)
    mixed = config.mixed_precision != "no"
    stage.network.train()
    gc.collect()  # what others left behind must not be released within
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        for _ in range(config.gradient_accumulation_steps):
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                loss = stage.loss(stage.network, batch, Draws(0, [0, 1], CPU))
            loss.backward()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    memory = estimate(config)
    assert memory.step == pytest.approx(peak, rel=0.2)
    learning = [p for p in stage.network.parameters() if p.requires_grad]
    assert memory.learning == memory.gradients == sum(p.nbytes for p in learning)
    assert memory.optimizer == 2 * memory.learning


@pytest.mark.slow
def test_the_configurations_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    """Full size, no weights on disk."""
    for name, module in (("pose_train_stage1", "pose_encoder"), ("pose_train", "conv_temporal")):
        config = load_config(CONFIGS / f"{name}.yaml")
        assert (config.train_data.width, config.train_data.height) == (512, 512)
        assert module in config.trainable_modules
    assert train_followyourpose.main([f"--config={CONFIGS / 'pose_train.yaml'}", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "learns 86.4 M of" in printed
    assert "without gradient_checkpointing  with gradient_checkpointing" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_batch_size": 0}, "train_batch_size is 0, but must be at least 1"),
        ({"text_dropout": 2.0}, "within 0 and 1"),
        ({"mixed_precision": "int3"}, "mixed_precision must be one of no, fp16, bf16"),
        ({"lr_scheduler": "cosin"}, "lr_scheduler must be one of"),
        ({"train_data": {"path": "x"}}, "train_data.path has no effect with train_data.kind=world"),
        ({"train_data": {"kind": "clips", "path": "x", "clips": 3}}, "train_data.clips has no effect"),
        ({"train_data": {"kind": "clips"}}, "needs train_data.path"),
        ({"train_data": {"kind": "clip", "path": "x"}}, "kind must be one of world, .* not 'clip'"),
        ({"train_data": STAGE_2["train_data"] | {"seed": 3}}, "train_data.seed has no effect with .*=clips"),
        ({"train_data": STAGE_2["train_data"] | {"split": "test"}}, "train_data.split has no effect"),
        ({"stage": "pose", "train_data": {"kind": "images", "path": "x", "path_column": "a"}}, "path_column"),
        (
            {"stage": "pose", "train_data": {"kind": "webdataset", "path": "x", "n_sample_frames": 3}},
            "train_data.n_sample_frames has no effect in the pose stage",
        ),
        (
            STAGE_1 | {"validation_data": {"stride": 2}},
            "validation_data.stride has no effect in the pose stage",
        ),
        ({"train_data": STAGE_2["train_data"] | {"width": 36}}, "width is 36, but must be a multiple of 8"),
        ({"train_data": {"size": 100}}, "size is 100, but must be a multiple of 8"),
        ({"stage": "autoencoder", "train_data": {"size": 40}, "crop_share": 0.5}, "a multiple of 16"),
        ({"train_data": {"people": [0, 0]}}, "train_data.people has no share above 0"),
        ({"pipeline": {"default_height": 60}}, "default_height is 60, but must be a multiple of 8"),
        ({"pipeline": {"clip_length": 0}}, "clip_length is 0, but must be at least 1"),
        ({"pipeline": {"noise_share": 1.5}}, "noise_share is 1.5, but must be within 0 and 1"),
        ({"pipeline": {"default_guidance_scale": float("inf")}}, "default_guidance_scale is inf"),
        (
            {"stage": "autoencoder", "pretrained_model_path": None, "train_data": {}, "decoder_only": True},
            "name its model",
        ),
        ({"stage": "judge_pose", "train_data": {}, "input_size": 48}, "a multiple of 32"),
        ({"train_data": {"styles": ["at dawn"]}}, "styles must be one of at sunset, .* not 'at dawn'"),
        ({"train_data": {"style_probability": 1.5}}, "style_probability is 1.5, but must be within 0 and 1"),
        ({"adam_beta1": 1.0}, "adam_beta1 is 1.0, but must be at least 0 and below 1"),
        ({"adam_epsilon": -1e-8}, "adam_epsilon is -1e-08, but must be at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan, but must be at least 0"),
        ({"seed": -1}, "seed is -1, but must be at least 0"),
        ({"model": {"unet": {}}}, "model has no effect in the temporal stage"),
        ({"pose_dropout": 0.1}, "pose_dropout has no effect in the temporal stage"),
        (
            {"stage": "pose", "enable_xformers_memory_efficient_attention": True},
            "enable_xformers_memory_efficient_attention has no effect in the pose stage",
        ),
        ({"stage": "judge_pose", "trainable_modules": ["conv"]}, "trainable_modules has no effect"),
        (
            {"pipeline": {"default_hight": 64}},
            "no setting pipeline.default_hight; did you mean pipeline.default_h",
        ),
        ({"pipeline": {"noise_share": "all"}}, "'all'"),
        ({"validation_data": {"promts": []}}, "did you mean validation_data.prompts"),
    ],
)
def test_settings_that_cannot_work(settings: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config = settings(STAGE_2, **change)
        create_optimizer([torch.nn.Parameter(torch.zeros(1))], config, 1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, "needs its sizes under model.text_encoder"),
        ({"text_encoder": {"hidden_size": 16}, "unett": {}}, "model.unett; did you mean model.unet"),
        ({"text_encoder": {"hiden_size": 16}}, "model.text_encoder.hiden_size; did you mean .*hidden_size"),
        ({"text_encoder": {"vocab_size": 16}}, "There is no setting model.text_encoder.vocab_size"),
        (
            {"text_encoder": {"hidden_size": 15, "num_attention_heads": 2}},
            "make no CLIPTextConfig; .* multiple",
        ),
        ({"text_encoder": {"hidden_size": 16, "num_attention_heads": 2}}, "needs its sizes under model.unet"),
    ],
)
def test_sizes_of_new_networks_are_checked(settings: Any, model: dict[str, Any], message: str) -> None:
    """The tiny model brings the autoencoder that this stage starts from."""
    with pytest.raises(InputError, match=message) as caught:
        create_stage(settings({"stage": "text_to_image"}, model=model))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "model", "message"),
    [
        ("autoencoder", {}, "needs its sizes under model"),
        ("autoencoder", {"block_out_chanels": [8]}, "did you mean model.block_out_channels"),
        ("autoencoder", {"scaling_factor": 2.0}, "There is no setting model.scaling_factor"),
        ("autoencoder", {"block_out_channels": [6]}, "make no AutoencoderKL; change them: .*divisible"),
        ("judge_pose", {}, "model.backbone is None"),
        ("judge_pose", {"backbone": "resnet18"}, "model.backbone is resnet18, but must be one of"),
        ("judge_classifier", {"backbon": "resnet18"}, "did you mean model.backbone"),
    ],
)
def test_sizes_of_the_first_networks_are_checked(
    settings: Any, stage: str, model: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        create_stage(settings({"stage": stage, "pretrained_model_path": None}, model=model))


@pytest.fixture
def folded_autoencoder(tmp_path: Path) -> Path:
    """The folder of a model whose autoencoder makes a location of 16 × 16 pixels."""
    blocks = {
        "block_out_channels": [8] * 4,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "norm_num_groups": 4,
    }
    FoldedAutoencoder(in_channels=12, out_channels=12, **blocks).save_pretrained(tmp_path / "folded" / "vae")
    return tmp_path / "folded"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stage": "autoencoder", "train_data": {"size": 40}}, "train_data.size is 40, .* multiple of 16"),
        (
            {"stage": "autoencoder", "train_data": {"size": 48}, "crop_share": 0.5},
            "size is 48, .* multiple of 32",
        ),
        (
            {"stage": "text_to_image", "train_data": {"size": 48, "sizes": [[48, 48], [56, 48]]}},
            r"train_data.sizes.1.0 is 56, but must be a multiple of 16\.",
        ),
    ],
)
def test_pictures_that_the_autoencoder_cannot_take_are_refused_before_training(
    settings: Any, folded_autoencoder: Path, given: dict[str, Any], message: str
) -> None:
    networks = yaml.safe_load((CONFIGS / "mini_text_to_image.yaml").read_text())["model"]
    model = {"model": networks} if given["stage"] == "text_to_image" else {}
    with pytest.raises(InputError, match=message):
        create_stage(settings(given | model, pretrained_model_path=str(folded_autoencoder)))


@pytest.mark.parametrize("stage", ["autoencoder", "text_to_image"])
def test_a_start_without_an_autoencoder(settings: Any, tmp_path: Path, stage: str) -> None:
    config = settings({"stage": stage, "pretrained_model_path": str(tmp_path)})
    with pytest.raises(InputError, match="has no folder vae; train the stage before it"):
        create_stage(config)
    (tmp_path / "vae").mkdir()
    for open_start in (create_stage, *([estimate] if stage == "text_to_image" else [])):
        with pytest.raises(InputError, match="vae is no autoencoder"):
            open_start(config)


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ({"skeleton_path": "nowhere.mp4"}, "There is no file nowhere.mp4"),
        ({"video_length": 9}, "square.mp4 has 8 frames"),
        ({"width": 36}, "must be positive multiples of 8 pixels, not 32 × 36"),
        ({"num_inference_steps": 0}, "must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_shown_is_reported_before_training(
    settings: Any, make_video: Any, shown: dict[str, Any], message: str
) -> None:
    short = {"skeleton_path": str(make_video(frames=8)), "stride": 1}
    with pytest.raises(InputError, match=f"validation_data cannot be shown: .*{message}"):
        create_stage(settings(STAGE_2, validation_data=short | shown))


def test_the_settings_saved_with_a_model_may_be_chosen(settings: Any, tmp_path: Path) -> None:
    chosen = {"default_height": 64, "clip_length": 5, "default_guidance_scale": 2}
    stage = create_stage(settings(STAGE_2, pipeline=chosen))
    assert {name: stage.trained_pipeline().config[name] for name in chosen} == chosen  # as samples are made
    stage.export(tmp_path / "model", {})
    saved = FollowYourPosePipeline.from_pretrained(tmp_path / "model").config
    assert {name: saved[name] for name in chosen} == chosen
    assert saved.default_width == 32


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("max_train_steps=[1", "max_train_steps=.1 is not a valid configuration: "),
        ("train_data=3", "train_data is 3, but must be a valid dictionary"),
        ("train_data.kind.x=3", "train_data.kind must be one of world, "),
        ("validation_data=[1]", r"validation_data is \[1\], but must be a valid dictionary"),
        ("seed=${nothing}", "configuration is not valid: .*nothing"),
        ("seed=null", "seed is None, but must be a valid integer"),
        ("stage=[1]", r"stage must be one of .*, not \[1\]"),
        ("a.b=1", "There is no setting a"),
    ],
)
def test_overrides_that_cannot_work(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        load_config(CONFIGS / "mini_temporal.yaml", [override])
    assert "\n" not in str(raised.value)


def test_published_keys_without_use_are_ignored(settings: Any) -> None:
    data = {"prompts": ["a"], "use_inv_latent": False, "num_inv_steps": 50, "dataset_set": "val"}
    assert settings(STAGE_2, validation_data=data).validation_data.prompts == ["a"]


def test_a_configuration_with_the_published_keys(settings: Any) -> None:
    data = {"video_path": "mine.csv", "prompt": "None", "dataset_set": "train", "n_sample_frames": 2}
    size = {"width": 32, "height": 32}
    given = {
        "train_data": data | size | {"sample_start_idx": 0, "sample_frame_rate": 2},
        "validation_data": {
            **size,
            "prompts": ["a robot"],
            "video_length": 2,
            "num_inference_steps": 2,
            "guidance_scale": 3.0,
            "use_inv_latent": False,
            "num_inv_steps": 2,
            "dataset_set": "val",
        },
        "skeleton_path": "poses.mp4",
        "trainable_modules": ["attn1.to_q", "attn_temp"],
        "learning_rate": 1e-5,
        "mixed_precision": "no",
        "use_8bit_adam": False,
        "gradient_checkpointing": False,
        "enable_xformers_memory_efficient_attention": True,
    }
    config = settings(given)
    assert (config.stage, config.train_data.kind, config.train_data.path) == ("temporal", "clips", "mine.csv")
    assert config.validation_data.skeleton_path == "poses.mp4"
    shards = given["train_data"] | {"kind": "webdataset", "path": "shards"}
    assert settings(given, train_data=shards).train_data.path == "shards"  # ours goes before


def test_words_that_yaml_takes_for_booleans(settings: Any) -> None:
    config = settings(STAGE_2, mixed_precision=False, resume_from_checkpoint=True)
    assert (config.mixed_precision, config.resume_from_checkpoint) == ("no", "latest")
    assert settings(STAGE_2, resume_from_checkpoint=False).resume_from_checkpoint is None


@pytest.mark.parametrize(
    ("command", "torchrun"),
    [
        (
            "python /bin/accelerate launch --cpu --num_processes 2 train.py --config=x",
            "--standalone --nproc_per_node=2",
        ),
        (
            "python -m accelerate.commands.launch --cpu --num_processes=3 t.py",
            "--standalone --nproc_per_node=3",
        ),
        ("python /bin/accelerate-launch --cpu --num-processes 2 t.py", "--standalone --nproc_per_node=2"),
        ("python /bin/accelerate launch --cpu train.py --num_processes=3", ""),
        (
            "python /bin/accelerate launch --cpu --num_machines 2 --num_processes 4 --machine_rank 1"
            " --main_process_ip 10.0.0.7 --main_process_port 29400 t.py",
            "--nnodes=2 --node_rank=1 --master_addr=10.0.0.7 --master_port=29400 --nproc_per_node=2",
        ),
    ],
)
def test_processes_that_the_launcher_was_asked_for(command: str, torchrun: str) -> None:
    arguments = launcher_arguments(command.split())
    assert arguments is not None
    assert torchrun_options(arguments) == torchrun.split()


def test_other_programs_are_no_launchers() -> None:
    for command in ("bash", "python train.py launch", "python -m pytest accelerate launch", ""):
        assert launcher_arguments(command.split()) is None


SAVED = {
    "compute_environment": "LOCAL_MACHINE", "distributed_type": "MULTI_CPU", "use_cpu": True,
    "mixed_precision": "no", "num_machines": 1, "machine_rank": 0, "num_processes": 2,
}  # fmt: skip


def test_processes_as_accelerate_config_saved_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, named = tmp_path / "default_config.yaml", tmp_path / "machines.yaml"
    usual.write_text(yaml.safe_dump(SAVED))
    there = {"num_machines": 2, "machine_rank": 1, "main_process_ip": "10.0.0.7", "main_process_port": 29400}
    named.write_text(yaml.safe_dump(SAVED | there))
    monkeypatch.setattr(config_args, "default_config_file", str(usual))
    assert torchrun_options(["t.py"]) == ["--standalone", "--nproc_per_node=2"]
    assert torchrun_options(["--num_processes=3", "t.py"]) == ["--standalone", "--nproc_per_node=3"]
    assert torchrun_options(["--cpu", "t.py"]) == []  # with which accelerate does not read it
    assert torchrun_options(["--cpu", f"--config_file={named}", "t.py"]) == [
        "--nnodes=2", "--node_rank=1", "--master_addr=10.0.0.7", "--master_port=29400", "--nproc_per_node=1"
    ]  # fmt: skip
