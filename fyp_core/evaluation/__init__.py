"""How well a model follows poses and words and how steady its videos are."""

from .cases import PAIRS, Shot, world_shots
from .gallery import save_gallery
from .own_motions import check_names, motion_shots
from .records import Record, Records
from .report import MEASURES, PCK, Estimate, Result, as_document, as_json, as_summary, as_table
from .run import check_sources, evaluate
from .sources import SOURCES, USUAL_SOURCES

__all__ = [
    "MEASURES",
    "PAIRS",
    "PCK",
    "SOURCES",
    "USUAL_SOURCES",
    "Estimate",
    "Record",
    "Records",
    "Result",
    "Shot",
    "as_document",
    "as_json",
    "as_summary",
    "as_table",
    "check_names",
    "check_sources",
    "evaluate",
    "motion_shots",
    "save_gallery",
    "world_shots",
]
