"""Serving the page until Ctrl-C or SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import warnings
from typing import NoReturn

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

from fyp_core.generation.engine import Engine
from fyp_core.weights.sources import AUTO
from fyp_media.errors import InputError
from fyp_page.handlers import Page
from fyp_page.layout import CSS, EXAMPLE_FOLDER, THEME, build

logger = logging.getLogger(__name__)


def serve_from_environment() -> NoReturn:
    """Serve the page with FYP_MODEL on HOST:PORT; ends the process, with status 0, or 2 where it cannot be served."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="peft")
    environment = os.environ
    status = serve(
        environment.get("HOST", "0.0.0.0"),
        environment.get("PORT", "7860"),
        environment.get("FYP_MODEL", AUTO),
    )
    logging.shutdown()
    os._exit(status)  # without waiting for threads that load or compute


def serve(host: str, port: str, model: str) -> int:
    """Serve the page until Ctrl-C or SIGTERM; the exit status is 0, or 2 where that cannot be."""
    stop = _stop_on_signals()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Page(Engine(model), folder)
        demo = build(page)
        try:
            demo.launch(
                server_name=host,
                server_port=int(port),
                theme=THEME,
                css=CSS,
                allowed_paths=[str(EXAMPLE_FOLDER)],
                show_error=True,
                quiet=True,
                prevent_thread_lock=True,
            )
        except (OSError, OverflowError, ValueError) as error:
            reason = str(error).partition(". ")[0]
            logger.error("The page cannot be served on %s:%s (%s); set HOST and PORT.", host, port, reason)
            return 2
        shown_host = host.replace("0.0.0.0", "localhost")
        logger.info("The page is at http://%s:%s; Ctrl-C ends it.", shown_host, port)
        threading.Thread(target=_load, args=(page.engine,), daemon=True).start()
        stop.wait()
        page.stop_all()
        demo.close(verbose=False)
    return 0


def _stop_on_signals() -> threading.Event:
    """What the first Ctrl-C or SIGTERM sets; a second one ends the program at once."""
    stop = threading.Event()

    def set_stop(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, set_stop)
    return stop


def _load(engine: Engine) -> None:
    """Load the model before the first visitor needs it."""
    try:
        engine.load()
    except InputError as error:
        logger.error("%s", error)
