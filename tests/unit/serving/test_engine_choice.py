"""The page's engine: in the process by default, otherwise replicas as the environment says."""

import pytest

from fyp_core.generation.engine import Engine
from fyp_media.errors import InputError
from fyp_serving.engines.choice import make_engine, settings_from
from fyp_serving.limits import Limits


def test_without_a_word_the_model_is_in_this_process() -> None:
    engine = make_engine("mini", Limits(queue=3), {})
    assert type(engine) is Engine
    assert engine.model_name == "mini"


def test_what_replicas_take_is_read_from_the_environment() -> None:
    settings = settings_from({"FYP_REPLICAS": "1-3", "FYP_REPLICA_GPUS": "0.5"})
    assert (settings.min_replicas, settings.max_replicas, settings.cpus, settings.gpus) == (1, 3, 1.0, 0.5)
    with pytest.raises(InputError, match="3-1"):
        settings_from({"FYP_REPLICAS": "3-1"})
    with pytest.raises(InputError, match="gpus"):
        settings_from({"FYP_REPLICA_GPUS": "many"})
