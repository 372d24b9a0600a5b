"""Serving the page until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import gradio as gr
from PIL import Image
from starlette.middleware import Middleware

from fyp_core.generation.engine import Engine
from fyp_core.weights.sources import AUTO
from fyp_media.decoding.isolated_video import DecodingLimits, isolate_decoding
from fyp_media.errors import InputError
from fyp_media.files import project_file
from fyp_media.read_video import probe
from fyp_page.examples import FOLDER, examples
from fyp_page.gallery import Gallery, default_folder
from fyp_page.handlers.page import Page
from fyp_page.layout.page import build
from fyp_page.layout.sessions import MOST_SESSIONS
from fyp_page.layout.theme import ASSETS, appearance
from fyp_page.open_streams import OpenStreams
from fyp_page.options import SHARE
from fyp_serving.engines.choice import make_engine
from fyp_serving.http_guard import HttpGuard, Shutdown
from fyp_serving.job_watch import LimitedJobWatch
from fyp_serving.limits import Limits
from fyp_serving.monitoring import Metrics, routes
from fyp_serving.proxies import trusted_proxies
from fyp_serving.sweeper import Sweeper
from pose_extraction.estimators.factory import estimate_beside, start_estimator

logger = logging.getLogger(__name__)

_GRADIO_FOLDER = "GRADIO_TEMP_DIR"  # Gradio's variable for the folder of uploads and results
_UVICORNS_PROXIES = "FORWARDED_ALLOW_IPS"  # uvicorn's variable; Gradio, which starts it, passes no setting on
_UPLOADS_KEPT = 24 * 3600.0  # seconds, where no limit is set: results are in the gallery
# Requests that may wait for Gradio; jobs wait in the engine's queue, which says why it refuses one.
_MOST_REQUESTS = 200
_MOST_CAMERA_PIXELS = 2_200_000  # just above 1920x1080; pictures of cameras are read in this process
_DELIVERED_IN = 1.0  # seconds in which a result that was just finished reaches its visitor
_STOPPED_IN = 3.0  # seconds a cancelled job may take to end


def serve_page() -> NoReturn:
    """Serve the page with FYP_MODEL on HOST:PORT; ends the process, with status 0, or 2 where it cannot be served."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="peft")
    environment = os.environ
    try:
        environment[_UVICORNS_PROXIES] = trusted_proxies(environment)
        limits = Limits.from_environment()
        engine = make_engine(environment.get("FYP_MODEL", AUTO), limits)
        status = serve(environment.get("HOST", "0.0.0.0"), environment.get("PORT", "7860"), engine, limits)
    except InputError as error:
        logger.error("%s", error)
        status = 2
    logging.shutdown()
    os._exit(status)  # without waiting for threads that load or compute


def serve(host: str, port: str, engine: Engine, limits: Limits) -> int:
    """Serve the page until Ctrl-C or SIGTERM; the exit status is 0, or 2 where that cannot be."""
    stop = _StopSignal()
    isolate_decoding(DecodingLimits())
    estimate_beside()
    _in_background(_read_examples)
    Image.MAX_IMAGE_PIXELS = _MOST_CAMERA_PIXELS // 2  # Pillow raises above twice that
    metrics = Metrics()
    metrics.watch_queue(lambda: len(engine.queue))
    watch = LimitedJobWatch(limits, metrics, engine.quick_estimate, engine.queue.check_room)
    loaded = threading.Event()
    shutdown = Shutdown()
    gallery = Gallery(
        os.environ.get("FYP_GALLERY") or default_folder(),
        max_bytes=limits.disk_bytes,
        max_age=limits.keep_seconds,
    )
    with _visitors_folder(limits, metrics, gallery) as (sweeper, jobs_folder):
        # Served from their place: Gradio's copies would be deleted by the sweeper.
        gr.set_static_paths([project_file(FOLDER), ASSETS, gallery.results])
        page = Page(engine, str(jobs_folder), gallery, watch)
        streams = OpenStreams()
        demo = build(page, streams, _MOST_REQUESTS)
        try:
            own_routes = routes(
                metrics, lambda: loaded.is_set() and not watch.is_closing, limits.metrics_token
            )
            guard = Middleware(
                HttpGuard,
                max_upload_bytes=limits.max_upload_bytes,
                is_full=sweeper.is_full,
                shutdown=shutdown,
                streaming=streams.opened,
            )
            _launch(demo, host, port, limits, gallery, {"middleware": [guard], "routes": own_routes})
        except (OSError, OverflowError, ValueError) as error:
            reason = str(error).partition(". ")[0]
            logger.error("The page cannot be served on %s:%s (%s); set HOST and PORT.", host, port, reason)
            return 2
        shown_host = host.replace("0.0.0.0", "localhost")
        logger.info("The page is at http://%s:%s; Ctrl-C ends it.", shown_host, port)
        _in_background(_load, engine, loaded)
        _in_background(_start_estimator)
        stop.wait()
        watch.close(limits.drain_seconds if stop.is_gentle else 0)
        page.stop_all()
        watch.close(_STOPPED_IN)
        time.sleep(_DELIVERED_IN if stop.is_gentle else 0)
        shutdown.begin()
        demo.close(verbose=False)
    return 0


def _launch(
    demo: gr.Blocks,
    host: str,
    port: str,
    limits: Limits,
    gallery: Gallery,
    app_keywords: dict[str, Any],
) -> None:
    demo.launch(
        server_name=host,
        server_port=int(port),
        auth=limits.account,
        allowed_paths=[str(folder) for folder in (project_file(FOLDER), ASSETS, gallery.results)],
        show_error=True,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=limits.max_upload_bytes,
        enable_monitoring=False,
        state_session_capacity=MOST_SESSIONS,
        run_history=False,
        ssr_mode=False,
        share=os.environ.get(SHARE, "0") not in ("", "0"),
        app_kwargs=app_keywords,
        **appearance(),
    )


@contextlib.contextmanager
def _visitors_folder(limits: Limits, metrics: Metrics, gallery: Gallery) -> Iterator[tuple[Sweeper, Path]]:
    """The folder of all files of visitors, with its sweeper; and a folder in it for jobs, removed at the end.

    The sweeper serves the gallery as well.

    Other pages of this user have the same folder: what a killed page left there is deleted by age.
    """
    user = getattr(os, "getuid", lambda: "user")()  # not on Windows, where the folder is a user's own
    folder = Path(tempfile.gettempdir(), f"follow-your-pose-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    gradio_folder = Path(os.environ.setdefault(_GRADIO_FOLDER, str(folder / "gradio")))
    gradio_folder.mkdir(parents=True, exist_ok=True)
    keep_seconds = limits.keep_seconds or _UPLOADS_KEPT
    sweeper = Sweeper([folder, gradio_folder], keep_seconds, limits.disk_bytes, others=[gallery.sweep])
    metrics.watch_disk(folder, lambda: sweeper.used_bytes)
    sweeper.start()
    try:
        with tempfile.TemporaryDirectory(prefix="jobs-", dir=folder, ignore_cleanup_errors=True) as jobs:
            yield sweeper, Path(jobs)
    finally:
        sweeper.stop()


class _StopSignal:
    """The first Ctrl-C or SIGTERM; a second one ends the program at once."""

    def __init__(self) -> None:
        self._received = threading.Event()
        self.is_gentle = False
        """Whether it was SIGTERM, as service managers send it: running jobs may finish."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def wait(self) -> None:
        self._received.wait()

    def _receive(self, number: int, _frame: object) -> None:
        self.is_gentle = number == signal.SIGTERM
        self._received.set()
        signal.signal(number, signal.SIG_DFL)


def _load(engine: Engine, loaded: threading.Event) -> None:
    """Load the model before the first visitor needs it, and measure how fast it is."""
    try:
        engine.load()
        loaded.set()
        engine.measure_speed()
    except InputError as error:
        logger.error("%s", error)


def _start_estimator() -> None:
    """Start the estimator of poses before the first visitor needs it."""
    with contextlib.suppress(InputError):  # which the visitor will be told
        start_estimator()


def _read_examples() -> None:
    """Read what is known of the examples before they are chosen; it starts the process that decodes videos as well."""
    with contextlib.suppress(InputError):  # which the visitor will be told
        for example in examples():
            probe(example.video)


def _in_background(work: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()
