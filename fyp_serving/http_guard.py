"""Which HTTP requests reach Gradio: the routes the page uses, with bodies of a limited size.

ASGI middleware (https://asgi.readthedocs.io/en/latest/specs/www.html). Gradio serves far more than the page uses:
conversion of recordings, a monitoring page, a proxy, an editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any

from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fyp_media.errors import first_line, shortened

logger = logging.getLogger(__name__)

_API = "/gradio_api/"
_SERVED_API = re.compile(
    r"(upload|upload_progress|queue/(join|data|status)|stream/[^/]+(/close)?|call/.+|run/[^/]+|cancel|reset|heartbeat/[^/]+|info"
    r"|openapi\.json|app_id|user|login_check|startup-events|theme\.css|file=(?!\w{2,}:/).+)/?"
)
_NOT_SERVED = re.compile(r"/(monitoring|dev|svelte-dev|deep_link)(/.*)?")
_UPLOAD = f"{_API}upload"
_STREAMS = (f"{_API}queue/data", f"{_API}call/")
_MOST_BODY = 300_000  # bytes of everything but uploads: a picture of a camera has up to 0.1 MB
_LONGEST_QUERY = 4096  # bytes; Gradio remembers names out of it
_FORM_OVERHEAD = 100_000  # bytes of an upload that are not the file
_BODY_TIMEOUT = 60.0  # seconds between two parts of a body
_DISCARD_TIMEOUT = 2.0  # seconds for which the rest of a refused body is read
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(self), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self' https://huggingface.co https://*.hf.space"),
)
SHUTDOWN = "The page is being shut down; try again in a minute."


class HttpGuard:
    """The middleware of one page.

    Args:
        app: what is behind it.
        max_upload_bytes: of one upload; None is no limit.
        is_full: whether there is no more room for uploads.
        shutdown: ends open streams when the server shuts down.
        streaming: entered with path and query of a stream's request, while the stream is open.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_upload_bytes: int | None,
        is_full: Callable[[], bool],
        shutdown: Shutdown,
        streaming: Callable[[str, bytes], AbstractContextManager[None]],
    ) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes
        self._is_full = is_full
        self._shutdown = shutdown
        self._streaming = streaming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        send = _with_headers(send)
        if not _is_served(path):
            await PlainTextResponse("There is no such page.", 404)(scope, receive, send)
        elif len(scope["query_string"]) > _LONGEST_QUERY:
            await PlainTextResponse("The address is too long.", 414)(scope, receive, send)
        elif path.startswith(_UPLOAD) and scope["method"] == "POST" and self._is_full():
            text = "There is no room for more uploads at the moment; try again later."
            await PlainTextResponse(text, 507)(scope, receive, send)
        elif path.startswith(_STREAMS) and scope["method"] == "GET":
            work = self._guarded(path, scope, receive, send)
            with self._streaming(path, scope["query_string"]):
                await self._shutdown.end_with(work, _shutdown_event(path), send)
        else:
            await self._guarded(path, scope, receive, send)

    async def _guarded(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        response = _Response(send)
        body = _Body(receive, self._most(path), is_upload=path.startswith(_UPLOAD))
        if body.announced_too_large(scope):
            await body.discard()
            await _refuse(413, body.sentence, scope, receive, send)
            return
        response.is_replaced = lambda: body.refused
        try:
            await self._app(scope, body.receive, response.send)
        except Exception as error:
            if response.started or body.disconnected:
                logger.info("%s was cut off: %s", shortened(path), shortened(first_line(error)))
                await response.end()
                return
            if not body.refused:
                if not isinstance(error, (LookupError, TypeError, ValueError)):
                    raise
                logger.info("%s was not understood: %s", shortened(path), shortened(first_line(error)))
                await _refuse(400, "The request cannot be understood.", scope, receive, send)
                return
        if body.refused and not body.disconnected:
            logger.info("%s was refused: %s", shortened(path), body.sentence)
            await body.discard()
            await _refuse(body.status, body.sentence, scope, receive, send)

    def _most(self, path: str) -> float:
        if not path.startswith(_UPLOAD):
            return _MOST_BODY
        return float("inf") if self._max_upload_bytes is None else self._max_upload_bytes + _FORM_OVERHEAD


class Shutdown:
    """Ends open event streams with a message. Made in any thread; used in the server's event loop."""

    def __init__(self) -> None:
        self._works: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = False

    def begin(self) -> None:
        """End the streams; may be called from any thread."""
        self._begun = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel_all)

    def _cancel_all(self) -> None:
        for work in self._works:
            work.cancel()

    async def end_with(self, work: Coroutine[Any, Any, None], event: bytes, send: Send) -> None:
        """Run the coroutine of a streamed response; where the shutdown cancels it, send a last event."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(work)
        self._works.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if not self._begun:
                task.cancel()
                raise
            with contextlib.suppress(Exception):  # the response has ended or was never begun
                await send({"type": "http.response.body", "body": event, "more_body": False})
        finally:
            self._works.discard(task)


class _Response:
    """Passes a response on, unless it is to be replaced by another."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self._is_open = False
        self.is_replaced: Callable[[], bool] = lambda: False

    async def send(self, message: Message) -> None:
        if not self.started and self.is_replaced():
            return
        self.started = True
        self._is_open = message.get("more_body", True)
        await self._send(message)

    async def end(self) -> None:
        """End a response that was begun."""
        if self._is_open:
            self._is_open = False
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """Hands a request's body on up to a size.

    Beyond it, and where the visitor disconnects in mid-upload, MultiPartException is raised: Gradio then deletes what
    it has written of the upload.
    """

    def __init__(self, receive: Receive, most: float, *, is_upload: bool) -> None:
        self._receive = receive
        self._most = most
        self._is_upload = is_upload
        self._size = 0
        self._is_whole = False
        self.refused = False
        self.disconnected = False
        self.status = 413
        size = f"{most / 1e6:.0f}" if most >= 1e6 else f"{most / 1e6:.1f}"
        self.sentence = f"That is larger than the {size} MB this page takes; send less."

    def announced_too_large(self, scope: Scope) -> bool:
        """Whether the Content-Length header is already too large."""
        announced = dict(scope["headers"]).get(b"content-length", b"")
        return announced.isdigit() and int(announced) > self._most

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _BODY_TIMEOUT)
        except TimeoutError:
            self.status = 408
            raise self._refusal("The upload stopped; send it again.") from None
        if message["type"] == "http.disconnect":
            self.disconnected = True
            if self._is_upload:
                raise self._refusal("The visitor has gone.")
            return message
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > self._most:
            raise self._refusal(self.sentence)
        return message

    async def discard(self) -> None:
        """Read what is under way: a client that is still sending would not read an answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_TIMEOUT):
                while not self._is_whole:
                    self._is_whole = not (await self._receive()).get("more_body", False)

    def _refusal(self, sentence: str) -> MultiPartException:
        self.refused = True
        self.sentence = sentence
        return MultiPartException(sentence)


def _is_served(path: str) -> bool:
    if path.startswith(_API):
        return _SERVED_API.fullmatch(path.removeprefix(_API)) is not None
    return _NOT_SERVED.fullmatch(path) is None


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [header for header in _HEADERS if header[0] not in present]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_with_headers


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(sentence, status, headers={"Connection": "close"})(scope, receive, send)


def _shutdown_event(path: str) -> bytes:
    """The last event of a stream, in the form its reader knows."""
    if path.startswith(f"{_API}call/"):
        return f"event: error\ndata: {json.dumps(SHUTDOWN)}\n\n".encode()
    event = {"msg": "unexpected_error", "message": SHUTDOWN, "success": False}
    return f"data: {json.dumps(event)}\n\n".encode()
