"""Arrows point downwards only: which folder may use which, and no modules that import each other."""

import ast

import pytest

from tests.architecture.source_tree import circles, imports, modules

METHOD = "fyp_core"  # network, pipeline, sampling, conditioning
# From the bottom upwards. The programs, the commands, benchmarks and scripts may use everything.
MAY_USE = {
    "fyp_media": set(),
    "pose_extraction": {"fyp_media"},
    "fyp_core.weights": {METHOD, "fyp_media"},
    METHOD: {"fyp_core.weights", "pose_extraction", "fyp_media"},
    "fyp_core.synthetic": {"pose_extraction", "fyp_media"},
    "fyp_core.generation": {METHOD, "fyp_core.weights", "pose_extraction", "fyp_media"},
    "fyp_core.live": {METHOD, "fyp_core.generation", "pose_extraction", "fyp_media"},
    "fyp_core.evaluation": {
        METHOD, "fyp_core.generation", "fyp_core.weights", "fyp_core.synthetic", "pose_extraction", "fyp_media",
    },
    "fyp_core.training": {
        METHOD, "fyp_core.evaluation", "fyp_core.generation", "fyp_core.weights", "fyp_core.synthetic",
        "pose_extraction", "fyp_media",
    },
    "fyp_core.preparation": {METHOD, "fyp_core.training", "pose_extraction", "fyp_media"},
    "fyp_page": {METHOD, "fyp_core.generation", "fyp_core.live", "fyp_core.weights", "pose_extraction", "fyp_media"},
    "fyp_serving": {METHOD, "fyp_page", "fyp_core.generation", "fyp_core.weights", "pose_extraction", "fyp_media"},
}  # fmt: skip
COMMANDS = ("fyp_core.cli", "fyp_core.__main__")


def folder(module: str) -> str:
    """The key of :data:`MAY_USE` a module belongs to, or its own first name."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in MAY_USE or inner in COMMANDS else parts[0]


@pytest.mark.parametrize("user", MAY_USE)
def test_a_folder_uses_those_below_it_only(user: str) -> None:
    arrows = {
        (module, used)
        for module, others in imports().items()
        for used in others
        if folder(module) == user and folder(used) not in {user, *MAY_USE[user]}
    }
    assert arrows == set()


def test_nothing_uses_the_commands_the_benchmarks_or_the_tests() -> None:
    above = ("benchmarks", "scripts", "tests", "app", "txt2video", "train_followyourpose")
    arrows = {
        (module, used)
        for module, others in imports().items()
        for used in others
        if folder(used) in above and folder(module) != folder(used)
    }
    assert arrows == set()
    assert [module for module in modules() if "tests" in _packages(module)] == []


def test_only_the_server_of_the_page_needs_the_page() -> None:
    """Replicas and their engine run where no page is, without loading Gradio."""
    users = {
        module for module, others in imports().items() if any(folder(used) == "fyp_page" for used in others)
    }
    serving = {module for module in users if folder(module) == "fyp_serving"}
    assert serving == {"fyp_serving.server", "fyp_serving.job_watch"}
    with_gradio = {module for module in modules() if "gradio" in _packages(module)}
    assert {module for module in with_gradio if folder(module) == "fyp_serving"} == {
        "fyp_serving.server",
        "fyp_serving.engines.zero_gpu",
    }


def test_no_modules_import_each_other() -> None:
    assert circles() == []


def test_only_media_opens_video_files() -> None:
    users = {folder(module) for module in modules() if "av" in _packages(module)}
    assert users <= {"fyp_media", "benchmarks"}


def _packages(module: str) -> set[str]:
    """First names of all that a module imports, of libraries too."""
    nodes = list(ast.walk(ast.parse(modules()[module].read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    sources = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | sources}
