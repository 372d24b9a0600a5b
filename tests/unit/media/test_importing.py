"""Imports without the search for garbage."""

import gc

import pytest

from fyp_media.imports import without_collection


def test_garbage_is_collected_again_after_the_outer_import_even_a_failed_one() -> None:
    assert gc.isenabled()
    with pytest.raises(ImportError), without_collection():
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_where_a_program_collects_no_garbage_it_stays_so() -> None:
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
