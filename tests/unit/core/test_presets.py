"""Each preset does less work than the one before, for a model of few steps and for one of many."""

import subprocess
import sys

import pytest

from fyp_core.presets import PRESETS
from fyp_core.schedulers import SCHEDULER_NAMES


@pytest.mark.parametrize("own", [1, 2, 15, 50])
def test_exact_is_the_models_own_sampling(own: int) -> None:
    assert PRESETS["exact"].sampling(own) == {"num_inference_steps": own, "full_steps": None}
    assert PRESETS["exact"].scheduler == "model"


@pytest.mark.parametrize("own", [15, 50])
def test_faster_presets_compute_the_network_less_often(own: int) -> None:
    passes = []
    for preset in PRESETS.values():
        sampling = preset.sampling(own)
        passes.append(len(sampling["full_steps"] or range(sampling["num_inference_steps"])))
        assert preset.scheduler in SCHEDULER_NAMES
    assert passes == sorted(set(passes), reverse=True)


def test_at_least_one_step() -> None:
    assert all(preset.steps(1) == 1 for preset in PRESETS.values())


def test_features_are_reused_only_where_steps_are_close() -> None:
    assert PRESETS["fast"].sampling(15)["full_steps"] is None
    assert PRESETS["fast"].sampling(50)["full_steps"] == [0, 1, 3, 5, 7, 9, 11, 13]


def test_the_command_line_reads_its_options_before_the_large_libraries_are_imported() -> None:
    program = (
        "import sys, fyp_core.__main__; sys.exit(bool({'torch', 'diffusers', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_page_is_laid_out_before_the_libraries_of_models_and_poses_are_imported() -> None:
    program = (
        "import sys, fyp_serving.server, pose_extraction.estimators.factory as factory;"
        "factory.available_estimators();"
        "sys.exit(bool({'torch', 'diffusers', 'transformers', 'mediapipe', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
