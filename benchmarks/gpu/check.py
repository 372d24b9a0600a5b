"""Measures this project on a GPU within a few minutes and writes what it finds after each row of each part.

python -m benchmarks.gpu.check OUT [--minutes 9] [--only speed memory] [--toy]

``scripts/gpu_check.sh`` starts it. Weights of the published model's size are random and made on the GPU; nothing is
downloaded. OUT receives ``gpu_check.json`` and ``gpu_check.md``. A part that fails, or for which no time is left, says
so and the next one begins; the exit status is 1 where one failed. ``--toy`` takes small networks, to try this program
where there is no GPU.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.gpu.scale import FULL, TOY, Row
from benchmarks.gpu.tables import as_markdown

NEEDED = (
    "torch", "diffusers", "transformers", "accelerate", "peft", "torchmetrics", "psutil", "omegaconf", "pydantic",
    "cv2", "PIL",
)  # fmt: skip
logger = logging.getLogger(__name__)


class Report:
    """The rows of all parts, written as JSON and Markdown whenever there is a new one.

    Args:
        folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.parts: list[dict[str, Any]] = []

    def begin(self, name: str) -> None:
        self.parts.append({"part": name, "rows": [], "seconds": 0.0, "note": ""})

    def add(self, row: Row) -> None:
        self.parts[-1]["rows"].append(row)
        print(f"{self.parts[-1]['part']}: {json.dumps(row)}", flush=True)
        self.write()

    def end(self, seconds: float, note: str) -> None:
        self.parts[-1].update(seconds=round(seconds, 1), note=note)
        if note:
            print(f"{self.parts[-1]['part']}: {note}", flush=True)
        self.write()

    def write(self) -> None:
        (self._folder / "gpu_check.json").write_text(json.dumps(self.parts, indent=1))
        (self._folder / "gpu_check.md").write_text("\n".join(map(_as_markdown, self.parts)))


def _as_markdown(part: dict[str, Any]) -> str:
    lines = [f"## {part['part'].capitalize()}\n"]
    for _, rows in itertools.groupby(part["rows"], key=tuple):  # a table for the rows of one kind
        lines.append(as_markdown(list(rows)))
    if part["note"]:
        lines.append(f"{part['note']}\n")
    return "\n".join(lines)


def check(parts: Mapping[str, Callable[[], Iterator[Row]]], report: Report, minutes: float) -> bool:
    """Run the parts one after the other until the time is over; whether none failed.

    A row that has begun is finished: the time limit is checked between rows.
    """
    end = time.monotonic() + 60 * minutes
    none_failed = True
    for name, part in parts.items():
        report.begin(name)
        start, note = time.monotonic(), ""
        if start >= end:
            report.end(0, "Left out: the time is over.")
            continue
        try:
            for row in part():
                report.add(row)
                if time.monotonic() >= end:
                    note = "Ended here: the time is over."
                    break
        except Exception as error:  # the other parts run after one that fails
            logger.exception("%s failed", name)
            note, none_failed = f"Failed: {type(error).__name__}: {str(error)[:500]}", False
        report.end(time.monotonic() - start, note)
    return none_failed


def main() -> int:
    options = _options()
    logging.basicConfig(level=logging.WARNING)
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(
            f"Missing here: {', '.join(missing)}. Use the archive of scripts/pack_for_gpu.sh, which brings packages.",
            file=sys.stderr,
        )
        return 2
    from benchmarks.gpu import measurements  # heavy imports, after what can be said without them

    parts = measurements.parts(TOY if options.toy else FULL)
    chosen = {name: part for name, part in parts.items() if not options.only or name in options.only}
    if unknown := set(options.only or ()) - set(parts):
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(parts)}.", file=sys.stderr)
        return 2
    return int(not check(chosen, Report(options.out), options.minutes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder of the results")
    parser.add_argument("--minutes", type=float, default=9, help="in all (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="PART", help="some parts")
    parser.add_argument("--toy", action="store_true", help="small networks, to try this program on a CPU")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
