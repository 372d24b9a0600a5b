"""The page: a video and a sentence in, a video of that character making those moves out."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import warnings

if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # ends without a traceback while the imports below take their time
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


def main() -> int:
    """Serve the page on HOST:PORT until Ctrl-C or SIGTERM; the exit status is 0, or 2 where that cannot be."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="peft")
    host, port = os.environ.get("HOST", "0.0.0.0"), os.environ.get("PORT", "7860")
    told_to_end = _signals()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Page(Engine(os.environ.get("FYP_MODEL", AUTO)), folder)
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
        logger.info(
            "The page is at http://%s:%s; Ctrl-C ends it.", host.replace("0.0.0.0", "localhost"), port
        )
        threading.Thread(target=_load_early, args=(page.engine,), daemon=True).start()
        told_to_end.wait()
        page.stop_all()
        demo.close(verbose=False)
    return 0


def _signals() -> threading.Event:
    """What Ctrl-C or SIGTERM sets; a second one ends the program at once."""
    told = threading.Event()

    def tell(number: int, _frame: object) -> None:
        told.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    return told


def _load_early(engine: Engine) -> None:
    try:
        engine.load()
    except InputError as error:
        logger.error("%s", error)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # without waiting for threads that load or compute
