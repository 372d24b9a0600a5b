"""The project's own modules and what they import of each other, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("fyp_core", "fyp_media", "fyp_page", "fyp_serving", "pose_extraction", "benchmarks", "scripts")


@cache
def modules() -> dict[str, Path]:
    """Source files by module name: the packages, and the programs in the root."""
    files = [*ROOT.glob("*.py"), *(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))]
    return {_module_name(file): file for file in files}


@cache
def imports(*, for_types: bool = False) -> dict[str, frozenset[str]]:
    """Our modules that a module imports, those inside functions too.

    Args:
        for_types: also those for type checkers only.
    """
    return {name: frozenset(_imported(name, file, for_types)) - {name} for name, file in modules().items()}


def circles() -> list[list[str]]:
    """Groups of modules that import each other, also for types: Tarjan's strongly connected components."""
    imported = imports(for_types=True)
    found: list[list[str]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in imported[module]:
            if other not in number:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == number[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in imported:
        if module not in number:
            visit(module)
    return found


def _module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(name: str, file: Path, for_types: bool) -> Iterator[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree) if for_types else _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                module = f"{source}.{alias.name}"
                if module in modules():
                    yield module
                elif source in modules():
                    yield source


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, without what stands under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not is_typing:
            yield child
            yield from _run_time_nodes(child)
