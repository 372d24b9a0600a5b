"""Ray: its start on this machine or the connection to a cluster, and its shutdown."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fyp_core
import fyp_media
import pose_extraction
from fyp_media.errors import InputError
from pose_extraction.estimators.native_stderr import native_stderr_muted

# Read when Ray is imported and when its processes start.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
_LOCAL_SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on any system: listen to this machine alone
    "RAY_AUTH_MODE": "token",  # and refuse other users of it; without this, Ray keeps a token in the home folder
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray; ``workers`` each have ``gpus``."""

    workers: int
    gpus: float

    def map(self, rows: list[dict[str, Any]], kind: type, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Call an instance of ``kind``, made once by every worker, with each row; yields results as they are finished.

        Rows of a worker that dies are given to another.

        Raises:
            RuntimeError: a worker raised an exception.
        """
        import ray
        from ray.exceptions import RayError

        # One row a block, so that every row is a task of its own.
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            kind,
            fn_constructor_kwargs=arguments,
            compute=ray.data.ActorPoolStrategy(
                size=min(self.workers, len(rows)), max_tasks_in_flight_per_actor=1
            ),
            num_cpus=1,
            num_gpus=self.gpus,
        )
        try:
            yield from results.iter_rows()
        except RayError as error:
            raise RuntimeError(f"a worker failed: {str(error).strip().splitlines()[-1]}") from error


@contextmanager
def connect(address: str | None, workers: int | None, gpus_per_worker: float | None) -> Iterator[Cluster]:
    """Start Ray on this machine, reachable from it alone, or connect to a cluster; leave it at the end.

    Args:
        address: of a cluster, as ``ray.init`` takes it; None starts Ray here.
        workers: by default one a GPU where there are some, otherwise one a processor.
        gpus_per_worker: by default one where there are some.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached.
    """
    os.environ.update(_SETTINGS)
    if not address:
        os.environ.update(_LOCAL_SETTINGS)
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise InputError(
            f"prepare-data runs on Ray, which is not installed ({error}):"
            " pip install -r requirements-data.txt"
        ) from error
    scratch = tempfile.mkdtemp(prefix="ray-")
    try:
        _init(address, workers, scratch)
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised as well
        resources = ray.cluster_resources()
        gpus = resources.get("GPU", 0.0)
        if gpus_per_worker is None:
            gpus_per_worker = 1.0 if gpus else 0.0
        most = int(gpus / gpus_per_worker if gpus_per_worker else resources.get("CPU", 1))
        yield Cluster(workers or max(1, most), gpus_per_worker)
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


def _init(address: str | None, workers: int | None, scratch: str) -> None:
    import ray

    place: dict[str, Any]
    if address:
        # The cluster's machines need the requirements; the code comes with the run, of the same version.
        place = {"runtime_env": {"py_modules": [fyp_core, fyp_media, pose_extraction]}}
    else:
        place = {"num_cpus": workers or os.cpu_count(), "include_dashboard": False, "_temp_dir": scratch}
    try:
        with native_stderr_muted():  # Ray prints a note about its log level
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **place)
    except ConnectionError as error:
        raise InputError(f"There is no Ray cluster at {address}; check the address.") from error
