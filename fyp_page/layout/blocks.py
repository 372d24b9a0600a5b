"""Gradio's page: wrong values of a request add one line to the log, and sessions take little memory."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.queueing import Queue
from pydantic import ValidationError

from fyp_media.errors import first_line, shortened
from fyp_page.layout.sessions import SessionQueue, SmallSessions

logger = logging.getLogger(__name__)

_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # the null character and surrogates, which JSON can hold


class Blocks(gr.Blocks):
    """:class:`gradio.Blocks` that refuses wrong values in one sentence, and addresses in place of uploads.

    Gradio prints a traceback with all values for each of them, and downloads files from addresses.

    Args:
        is_open: whether somebody reads the answers of a session.
    """

    _queue: Queue

    def __init__(
        self, *args: Any, is_open: Callable[[str], bool] = lambda session: False, **kwargs: Any
    ) -> None:
        self._is_open = is_open
        super().__init__(*args, **kwargs)

    def queue(self, *args: Any, **kwargs: Any) -> Any:
        super().queue(*args, **kwargs)
        made = self._queue
        self._queue = SessionQueue(
            self._is_open,
            live_updates=made.live_updates,
            concurrency_count=made.max_thread_count,
            update_intervals=made.update_intervals,
            max_size=made.max_size,
            blocks=self,
            default_concurrency_limit=made.default_concurrency_limit,
        )
        return self

    def launch(self, *args: Any, **kwargs: Any) -> Any:
        launched = super().launch(*args, **kwargs)
        sessions = SmallSessions()
        sessions.set_blocks(self)
        self.app.state_holder = sessions
        return launched

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            _check_texts(inputs)
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except Exception as error:
            logger.info("Values of %s were refused: %s", block_fn.api_name, shortened(_message(error)))
            raise gr.Error(shortened(_message(error)), print_exception=False) from error


def _message(error: Exception) -> str:
    reason = error.__cause__ or error  # Gradio's own message names all components of the page
    if isinstance(reason, ValidationError):
        return f"One of the values cannot be used: {reason.errors()[0]['msg']}."
    if isinstance(reason, gr.Error):
        return str(reason.message)
    return f"One of the values cannot be used: {first_line(reason)}"


def _check_texts(values: Any) -> None:
    """Raise gr.Error for an address in place of a file, and for text that no file or database takes."""
    for key, text in _texts(values):
        if key == "path" and "://" in text:
            raise gr.Error("An address is given in place of a file; upload the file.")
        if _NO_TEXT.search(text):
            raise gr.Error("A text has characters that cannot be written; write it again.")


def _texts(values: Any) -> Iterator[tuple[object, str]]:
    """All texts in a request's values, at any depth, with their keys."""
    waiting: list[tuple[object, Any]] = [(None, values)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, list):
            waiting.extend((None, each) for each in value)
