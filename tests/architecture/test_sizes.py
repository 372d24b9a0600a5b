"""What keeps the project readable: short functions, small folders, a short README, a root without clutter."""

import ast
import subprocess
from collections import Counter
from pathlib import Path

from tests.architecture.source_tree import ROOT, modules

MOST_MODULES, MOST_LINES, MOST_README_LINES = 12, 80, 120
IN_THE_ROOT = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "README.md", "app.py", "assets", "benchmarks", "checkpoints", "compose.yaml", "configs", "docs", "fyp_core",
    "fyp_media", "fyp_page", "fyp_serving", "pose_example", "pose_extraction", "pyproject.toml",
    "quick_demo.ipynb", "requirements-data.txt", "requirements-dev.txt", "requirements-gpu.txt",
    "requirements-serve.txt", "requirements.lock", "requirements.txt", "scripts", "tests",
    "train_followyourpose.py", "txt2video.py",
}  # fmt: skip


def test_no_folder_holds_too_many_modules() -> None:
    files = [*modules().values(), *(ROOT / "tests").rglob("*.py")]
    counts = Counter(file.parent for file in files if file.name != "__init__.py")
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, file in modules().items()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_README_LINES


def test_the_root_holds_no_more_than_the_design_names() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    tracked = {Path(file).parts[0] for file in listed.splitlines()}
    assert tracked <= IN_THE_ROOT
