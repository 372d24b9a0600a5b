"""Load test: many visitors at once. Does each get their own result, and do memory, threads and files stay level?

    python -m benchmarks.load --visitors 30 --minutes 5

Starts a page with ``mini`` and lets each visitor ask for one small video after the other. A result whose settings are
not those asked for is mixed up; an answer that is neither a result nor a refusal is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.load.visitor import Refused, Visitor

ROOT = Path(__file__).resolve().parents[2]
VIDEO = ROOT / "pose_example" / "skeleton_disco.mp4"
START_LIMIT = 120.0  # seconds
WARM_UP = 60.0  # seconds before memory is compared
SAMPLING = 2.0  # seconds between two samples of the page's process
PAUSE = (1.0, 3.0)  # seconds a visitor waits after a refusal


@dataclass
class Outcomes:
    """Results of the visitors' requests; seconds of the jobs that finished."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    sentences: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sample:
    """The page at a time: resident bytes of its process, and with those that decode; threads, open files."""

    time: float
    memory: int
    with_decoders: int
    threads: int
    files: int


def main() -> None:
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = _start(Path(folder), options)
        try:
            address = f"http://127.0.0.1:{options.port}"
            _wait_until_ready(address, server)
            report = measure(address, server.pid, options.visitors, options.minutes * 60)
        finally:
            server.terminate()
            server.wait(60)
    print(json.dumps({"visitors": options.visitors, "minutes": options.minutes, **report}, indent=2))


def measure(address: str, pid: int, visitors: int, seconds: float) -> dict[str, Any]:
    """Run the visitors for some seconds and return what was measured."""
    end = time.monotonic() + seconds
    outcomes = Outcomes()
    threads = [
        threading.Thread(target=_visit, args=(address, number, end, outcomes)) for number in range(visitors)
    ]
    for thread in threads:
        thread.start()
    samples: list[Sample] = []
    while time.monotonic() < end:
        samples.append(_sample(pid))
        time.sleep(SAMPLING)
    for thread in threads:
        thread.join()
    return {**_summary(outcomes), **_growth(samples)}


def _visit(address: str, number: int, end: float, outcomes: Outcomes) -> None:
    draw = random.Random(number)
    with Visitor(address) as visitor:
        uploaded = visitor.upload(VIDEO)
        while time.monotonic() < end:
            asked = {
                "prompt": f"robot {number}",
                "seed": draw.randrange(2**31),
                "frames": draw.randint(2, 8),
                "steps": draw.randint(2, 6),
                "stride": draw.randint(1, 3),
            }
            start = time.monotonic()
            try:
                outputs = visitor.generate(uploaded, input_type="skeleton", **asked)
            except Refused as refused:
                outcomes.counts["refused"] += 1
                outcomes.sentences[str(refused)[:200]] += 1
                time.sleep(draw.uniform(*PAUSE))
                continue
            except httpx.HTTPError as error:
                outcomes.counts["lost"] += 1
                outcomes.sentences[repr(error)] += 1
                continue
            outcomes.counts["done" if _is_own(outputs, asked) else "mixed up"] += 1
            outcomes.seconds.append(time.monotonic() - start)


def _is_own(outputs: list[Any], asked: dict[str, Any]) -> bool:
    settings = [each for each in outputs if isinstance(each, dict) and "seed" in each]
    return len(settings) == 1 and {name: settings[0][name] for name in asked} == asked


def _sample(pid: int) -> Sample:
    server = psutil.Process(pid)
    processes = [server, *server.children(recursive=True)]
    memory = threads = files = 0
    own = server.memory_info().rss
    for process in processes:
        try:
            memory += process.memory_info().rss
            threads += process.num_threads()
            files += process.num_fds()
        except psutil.Error:  # a decoder that has ended
            continue
    return Sample(time.monotonic(), own, memory, threads, files)


def _summary(outcomes: Outcomes) -> dict[str, Any]:
    seconds = sorted(outcomes.seconds) or [0.0]
    return {
        **{name: outcomes.counts[name] for name in ("done", "refused", "mixed up", "lost")},
        "median seconds": round(statistics.median(seconds), 1),
        "95 % seconds": round(seconds[int(len(seconds) * 0.95)], 1),
        "sentences": dict(outcomes.sentences),
    }


def _growth(samples: list[Sample]) -> dict[str, Any]:
    """Medians over a tenth of the time: after the warm-up, and at the end."""
    begin = samples[0].time + min(WARM_UP, (samples[-1].time - samples[0].time) / 2)
    late = [sample for sample in samples if sample.time >= begin]
    size = max(1, len(late) // 10)
    growth: dict[str, Any] = {}
    for name, unit in (("memory", 2**20), ("with_decoders", 2**20), ("threads", 1), ("files", 1)):
        first, last = (
            statistics.median(getattr(sample, name) for sample in part) / unit
            for part in (late[:size], late[-size:])
        )
        growth[name] = [round(first, 1), round(last, 1), f"{(last / first - 1) * 100:+.1f} %"]
    return growth


def _start(folder: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(options.port),
        "FYP_MODEL": options.model,
        "FYP_QUEUE": str(options.queue),
        "TMPDIR": str(folder),
        "HF_HUB_OFFLINE": "1",
    }
    with open(options.log, "w") as log:
        return subprocess.Popen(
            [sys.executable, ROOT / "app.py"], env=environment, cwd=ROOT, stdout=log, stderr=log
        )


def _wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit("The page did not become ready; see its log.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--queue", type=int, default=20, help="jobs that may wait")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--port", type=int, default=7899)
    parser.add_argument("--log", default=os.devnull, help="of the page")
    return parser


if __name__ == "__main__":
    main()
