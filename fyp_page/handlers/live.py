"""Live sessions: pictures of a visitor's camera are taken in, pictures of the character are returned."""

from __future__ import annotations

import base64
import html
import threading
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fyp_core.generation.engine import Engine
from fyp_core.live.mailbox import Mailbox
from fyp_core.live.settings import LiveSettings
from fyp_media.errors import InputError

if TYPE_CHECKING:
    from fyp_core.live.session import LiveFrame, LiveReport

BUSY = "Somebody else's camera is live on this page; try again in a minute."
_IDLE_SECONDS = 5.0  # without a picture of the camera after which a session ends
_WAIT_SECONDS = 0.3  # for a new picture, at most
_QUALITY = 92  # of JPEG, 0..100


class LiveSessions:
    """Live sessions of the page: one at a time, because it takes the whole processor.

    Args:
        engine: whose model is used.
        max_seconds: of a session; None is no limit, 0 switches live sessions off.
    """

    def __init__(self, engine: Engine, max_seconds: float | None = None) -> None:
        self.max_seconds = max_seconds
        self._engine = engine
        self._visit: _Visit | None = None
        self._choosing = threading.Lock()

    def show(self, picture: np.ndarray | None, prompt: str, visitor: str) -> str:
        """Take a picture of a visitor's camera; return the newest one of the character.

        Args:
            picture: (H, W, 3) uint8 RGB; None where the camera has given none yet.
            prompt: the character; another prompt starts a new session.
            visitor: name of the visitor's session; others are refused until this one has ended.

        Returns:
            HTML: the picture and the frame rate, or a sentence on what is missing.

        Raises:
            InputError: somebody else is live, the prompt is empty, or the model cannot be loaded here.
        """
        if picture is None:
            return ""
        visit = self._visit_of(visitor, prompt)
        visit.pictures.put(picture)
        return _as_html(*visit.wait_for_picture())

    def stop(self) -> None:
        """End the current session."""
        if self._visit is not None:
            self._visit.end()

    def _visit_of(self, visitor: str, prompt: str) -> _Visit:
        with self._choosing:
            visit = self._visit
            if visit is not None and visit.is_over:
                visit = self._visit = None
            if visit is not None and visit.visitor != visitor:
                raise InputError(BUSY)
            begin = time.monotonic() if visit is None else visit.begin
            if visit is not None and self.max_seconds and time.monotonic() - begin > self.max_seconds:
                visit.end()
                raise InputError(f"Your {self.max_seconds:g} seconds are over; switch the camera off and on.")
            if visit is None or visit.settings.prompt != prompt:
                settings = LiveSettings(prompt=prompt)
                if visit is not None:
                    visit.end()
                visit = self._visit = _Visit(self._engine, settings, visitor, begin)
            return visit


class _Visit:
    """A session and its visitor; ends by itself when the camera gives no more pictures.

    Args:
        begin: of the visitor's time, which another prompt does not begin anew.
    """

    def __init__(self, engine: Engine, settings: LiveSettings, visitor: str, begin: float) -> None:
        self.begin = begin
        self.settings = settings
        self.visitor = visitor
        self.pictures: Mailbox[np.ndarray] = Mailbox(latest_only=True, timeout=_IDLE_SECONDS)
        self._engine = engine
        self._changed = threading.Condition()
        self._shown: tuple[LiveFrame, LiveReport] | None = None
        self._is_new = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="live visit", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive() and self._error is None

    def end(self) -> None:
        self.pictures.close()

    def wait_for_picture(self) -> tuple[LiveFrame, LiveReport] | tuple[None, None]:
        """The newest picture; an error of the session is raised, once."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_new or self._error, _WAIT_SECONDS)
            self._is_new = False
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return self._shown or (None, None)

    def _run(self) -> None:
        try:
            from fyp_core.live.session import open_session  # on use: it imports the model's libraries

            with open_session(self._engine, self.settings, self.pictures) as session:
                for frame in session:
                    with self._changed:
                        self._shown, self._is_new = (frame, session.report), True
                        self._changed.notify_all()
        except Exception as error:  # raised again by wait_for_picture, for the visitor
            with self._changed:
                self._error = error
                self._changed.notify_all()


def _as_html(frame: LiveFrame | None, report: LiveReport | None) -> str:
    if frame is None or report is None:
        return '<div class="status" role="status">Waiting for a person whose whole body is seen …</div>'
    _, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    source = base64.b64encode(jpeg.tobytes()).decode()
    speed = f"{report.fps:.0f} frames a second, {report.latency:.1f} s behind the camera"
    return (
        f'<figure><img src="data:image/jpeg;base64,{source}" alt="The character, live">'
        f"<figcaption>{html.escape(speed)}</figcaption></figure>"
    )
