"""The open event streams, by session or event: they show which programs still wait for an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs


class OpenStreams:
    """Streams of Gradio's events; used in the server's event loop alone.

    A program listens at ``queue/data?session_hash=SESSION`` for all its events, or at ``call/ENDPOINT/EVENT`` for one.
    """

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(self, path: str, query: bytes) -> Iterator[None]:
        """The block sends the stream that a request asks for."""
        (name,) = parse_qs(query.decode("latin-1")).get("session_hash", [path.rpartition("/")[2]])[:1]
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]

    def is_open(self, *names: str | None) -> bool:
        """Whether somebody listens under one of these names."""
        return any(name in self._open for name in names)
