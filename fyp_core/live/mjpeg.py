"""A web server that shows pictures in any browser, as an endless sequence of JPEGs ("MJPEG")."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import cv2
import numpy as np

from fyp_media.errors import InputError

HOST = "127.0.0.1"
_QUALITY = 92  # of JPEG, 0..100
_BOUNDARY = "frame"
_PAGE = b"""<!doctype html><title>Follow Your Pose</title><style>
body { margin: 0; background: black; display: grid; place-items: center; height: 100vh }
img { height: 100vh; max-width: 100vw; object-fit: contain }
</style><img src="/stream" alt="live">"""


class MjpegServer:
    """Serves the pictures shown, to this machine only; use within ``with``.

    ``/`` is a page with the picture, ``/stream`` the pictures themselves (multipart/x-mixed-replace). A slow
    client misses pictures.

    Args:
        port: 0 for any that is free.

    Raises:
        InputError: the port cannot be used.
    """

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._ended = False
        try:
            self._server = ThreadingHTTPServer((HOST, port), self._handler())
        except (OSError, OverflowError) as error:
            raise InputError(f"Port {port} cannot be used ({error}); choose another with --port.") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="live http", daemon=True)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> MjpegServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, picture: np.ndarray) -> None:
        """Send a picture, (H, W, 3) uint8 RGB, to everybody who is connected."""
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        with self._changed:
            self._jpeg = jpeg.tobytes()
            self._number += 1
            self._changed.notify_all()

    def _next(self, seen: int) -> tuple[int, bytes] | None:
        """Number and JPEG of a picture after number ``seen``; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._number > seen)
            return None if self._ended else (self._number, self._jpeg)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/":
                    self._start("text/html; charset=utf-8", len(_PAGE))
                    self.wfile.write(_PAGE)
                elif self.path == "/stream":
                    self._start(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
                    self._stream()
                else:
                    self.send_error(404)

            def _start(self, kind: str, length: int | None = None) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-store")
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()

            def _stream(self) -> None:
                seen = 0
                while (following := server._next(seen)) is not None:
                    seen, jpeg = following
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:  # the browser has gone
                        return

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler
