"""A visitor of the page without a browser: plain HTTP, as programs use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

_JSON = {"Content-Type": "application/json"}
_TIMEOUT = 60.0  # seconds


class Refused(Exception):  # noqa: N818 - it is an answer
    """The page refused a request; ``str(refused)`` is what it said."""


class Visitor:
    """Uploads videos and has results made. One connection, used by one thread at a time."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=_TIMEOUT)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def upload(self, file: Path | tuple[str, bytes]) -> str:
        """Send a file; its path on the server."""
        name, content = (file.name, file.read_bytes()) if isinstance(file, Path) else file
        answer = self.http.post("/gradio_api/upload", files={"files": (name, content)})
        if answer.status_code != 200:
            raise Refused(answer.text)
        return answer.json()[0]

    def generate(self, uploaded: str, **settings: Any) -> list[Any]:
        """The outputs of the page for an uploaded video; settings are those of the named endpoint ``generate``.

        Raises:
            Refused: the page said why not.
        """
        return list(self.events(uploaded, **settings))[-1]

    def events(self, uploaded: str, **settings: Any) -> Iterator[list[Any]]:
        """The outputs as they come; the last ones are the result."""
        yield from self.follow(self.submit(uploaded, **settings))

    def submit(self, uploaded: str, **settings: Any) -> str:
        """Ask for a result; the job's id."""
        video = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
        content = json.dumps({"video": video, **settings})  # httpx refuses some that the page has to refuse
        answer = self.http.post("/gradio_api/call/v2/generate", content=content, headers=_JSON)
        if answer.status_code != 200:
            raise Refused(answer.text)
        return answer.json()["event_id"]

    def follow(self, job: str) -> Iterator[list[Any]]:
        """The outputs of a job as they come."""
        kind = ""
        with self.http.stream("GET", f"/gradio_api/call/generate/{job}", timeout=None) as answer:
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind == "error":
                    raise Refused(_sentence(json.loads(line.removeprefix("data: "))))
                elif line.startswith("data: ") and kind in ("generating", "complete"):
                    yield json.loads(line.removeprefix("data: "))


def _sentence(data: Any) -> str:
    return str(data.get("error") if isinstance(data, dict) else data)
