"""How well a model follows poses and words and how steady its videos are."""

from .cases import PAIRS, Case, world_cases
from .gallery import save_gallery
from .measure_model import Evaluation, measure_model
from .own_motions import check_names, motion_cases
from .records import Record, Records
from .report import MEASURES, PCK, Estimate, Result, as_document, as_json, as_summary, as_table
from .run import check_sources, evaluate
from .settings import EvaluationSettings
from .variants import SOURCES, USUAL_SOURCES

__all__ = [
    "MEASURES",
    "PAIRS",
    "PCK",
    "SOURCES",
    "USUAL_SOURCES",
    "Case",
    "Estimate",
    "Evaluation",
    "EvaluationSettings",
    "Record",
    "Records",
    "Result",
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
