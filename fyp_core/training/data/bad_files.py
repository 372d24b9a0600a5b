"""Files that could not be used: skipped, counted and listed, never fatal."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


class BadFiles:
    """A list of files and what is wrong with each, shared by all processes that read.

    Args:
        report: JSON Lines to append to, an object of ``file`` and ``reason`` each; without it each
            process has a list of its own.
    """

    def __init__(self, report: Path | None = None) -> None:
        self.report = report
        self._seen: dict[str, str] = {}

    def add(self, file: str, reason: str) -> None:
        """List a file; only once, however often it is read."""
        if file in self._seen:
            return
        self._seen[file] = reason
        if self.report:
            self.report.parent.mkdir(parents=True, exist_ok=True)
            # One short write at the end of the file: lines of several processes do not mix.
            line = json.dumps({"file": file, "reason": reason}) + "\n"
            descriptor = os.open(self.report, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)

    def reasons(self) -> dict[str, str]:
        """What is wrong with each file, found by any process so far."""
        if self.report and self.report.exists():
            entries = map(json.loads, self.report.read_text(encoding="utf-8").splitlines())
            return {entry["file"]: entry["reason"] for entry in entries}
        return dict(self._seen)

    def log_summary(self) -> None:
        """Log how many there were and where they are listed."""
        if reasons := self.reasons():
            file, reason = next(iter(reasons.items()))
            where = f"; they are listed in {self.report}" if self.report else ""
            logger.warning("%d files were skipped, such as %s: %s%s", len(reasons), file, reason, where)
