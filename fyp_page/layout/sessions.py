"""What Gradio remembers of sessions, within limits.

Each call of the API is a session of its own, named by the caller.
"""

from __future__ import annotations

from asyncio import Queue as Messages
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Queue
from gradio.state_holder import SessionState, StateHolder

MOST_SESSIONS = 2000
_LONGEST_NAME = 100  # characters
_MOST_AT_WORK = 300  # requests; most of them wait for a job and take no thread
_MOST_UNREAD = 200  # requests of a session whose answers have not been read


class SmallSessions(StateHolder):
    """Gradio's state of each session, without its copy of the page's configuration.

    That copy takes 0.3 MB and some 50 ms, and serves deep links, which are off.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self:
            _check_name(session_id)
            session = SessionState(SimpleNamespace(default_config=self.blocks.default_config, blocks={}))
            session.config_values = _EmptyConfig()
            self.session_data[session_id] = session
        return super().__getitem__(session_id)


class SessionQueue(Queue):
    """Gradio's queue of requests, which remembers what it has to tell a limited number of sessions.

    Gradio's own forgets the oldest sessions first, although one of them may be waiting for its video, and never forgets
    whose answers were read. For its monitoring page, which is off, it counts the last 10,000 requests after each.

    Args:
        is_open: whether somebody reads the answers of a session.
        settings: of Gradio's queue.
    """

    def __init__(self, is_open: Callable[[str], bool], **settings: Any) -> None:
        super().__init__(**settings)
        self.ANALYTICS_MAX_EVENTS = 1
        self.pending_messages_per_session = _MessagesOfSessions(self.pending_event_ids_session, is_open)

    def start(self) -> None:
        self.max_thread_count = (
            _MOST_AT_WORK  # until now the number of threads: 40 pages that watch a job fill those
        )
        super().start()

    def compute_analytics_summary(self, records: object) -> dict[str, Any]:
        return self.cached_event_analytics_summary

    async def push(self, body: PredictBodyInternal, *request: Any, **named: Any) -> Any:
        name = body.session_hash or ""
        _check_name(name)
        if len(self.pending_event_ids_session.get(name, ())) >= _MOST_UNREAD:
            return (
                False,
                f"The answers of {_MOST_UNREAD} requests have not been read; read them.",
                "queue_full",
            )
        return await super().push(body, *request, **named)


class _MessagesOfSessions(dict[str, Messages[Any]]):
    """What each session is to be told. Beyond the limit those are forgotten for which nothing is under way.

    Args:
        under_way: ids of each session's events whose answers have not been read.
    """

    def __init__(self, under_way: dict[str, set[str]], is_open: Callable[[str], bool]) -> None:
        super().__init__()
        self._under_way = under_way
        self._is_open = is_open

    def __setitem__(self, session: str, messages: Messages[Any]) -> None:
        if session not in self and len(self) >= MOST_SESSIONS:
            self._forget()
        super().__setitem__(session, messages)

    def _forget(self) -> None:
        unread = [session for session in self if not self._is_open(session)]
        idle = [session for session in unread if not self._under_way.get(session)]
        for session in idle or unread[:1] or list(self)[:1]:
            del self[session]
        for session in self._under_way.keys() - self.keys():
            del self._under_way[session]


class _EmptyConfig(dict[int, Any]):
    """A mapping that stores nothing; every lookup gives a new empty mapping, which Gradio may change."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: int) -> dict[str, Any]:
        return {}

    def __setitem__(self, key: int, value: Any) -> None:
        pass


def _check_name(session: str) -> None:
    if len(session) > _LONGEST_NAME:
        raise ValueError("The name of the session is too long.")
