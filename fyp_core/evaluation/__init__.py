"""Evaluation: how well videos follow poses and prompts, and how little they flicker."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cases import PAIRS, Case, world_cases
    from .gallery import save_gallery
    from .measurement import Evaluation, measure_model
    from .own_motions import check_names, motion_cases
    from .records import Record, Records
    from .report import MEASURES, PCK, Estimate, SourceResult, as_document, as_json, as_summary, as_table
    from .run import check_sources, evaluate
    from .settings import EvaluationSettings
    from .variants import DEFAULT_SOURCES, SOURCES

__all__ = [
    "DEFAULT_SOURCES",
    "MEASURES",
    "PAIRS",
    "PCK",
    "SOURCES",
    "Case",
    "Estimate",
    "Evaluation",
    "EvaluationSettings",
    "Record",
    "Records",
    "SourceResult",
    "as_document",
    "as_json",
    "as_summary",
    "as_table",
    "check_names",
    "check_sources",
    "evaluate",
    "measure_model",
    "motion_cases",
    "save_gallery",
    "world_cases",
]

# torch and diffusers take seconds to import; parsing the command line does not need them.
_MODULE_OF = {
    "Case": "cases",
    "Estimate": "report",
    "Evaluation": "measurement",
    "EvaluationSettings": "settings",
    "MEASURES": "report",
    "PAIRS": "cases",
    "PCK": "report",
    "Record": "records",
    "Records": "records",
    "SourceResult": "report",
    "SOURCES": "variants",
    "DEFAULT_SOURCES": "variants",
    "as_document": "report",
    "as_json": "report",
    "as_summary": "report",
    "as_table": "report",
    "check_names": "own_motions",
    "check_sources": "run",
    "evaluate": "run",
    "measure_model": "measurement",
    "motion_cases": "own_motions",
    "save_gallery": "gallery",
    "world_cases": "cases",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
