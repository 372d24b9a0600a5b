"""A job in another process as a stream of events: sent by that process, followed by this one."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fyp_core.generation.engine import GenerationReport
from fyp_core.generation.job import FinishedFrames, Job, JobCancelled, Preview, Progress
from fyp_media.errors import InputError

_POLL_SECONDS = 0.1  # between two checks whether a job was cancelled
_END = None  # of a stream of events


@dataclass(frozen=True)
class Refusal:
    """The message of an InputError, sent to another process."""

    message: str


Event = Progress | Preview | FinishedFrames | Refusal | GenerationReport


def send_last_event(
    work: Callable[[], GenerationReport], send: Callable[[Event | BaseException], object]
) -> None:
    """Send the report that the work returns, why there is none, or what it raised; for a thread of its own."""
    try:
        send(work())
    except InputError as error:
        send(Refusal(str(error)))
    except JobCancelled:
        send(Refusal("The job was stopped."))  # nobody is left to read it
    except BaseException as error:
        send(error)


def follow(
    events: Iterable[Event], job: Job, take: Callable[[FinishedFrames], object], cancel: Callable[[], object]
) -> GenerationReport:
    """Pass the events of another process on to the job, until its report comes.

    Args:
        take: called with the frames.
        cancel: ends the work in the other process; always called.

    Raises:
        InputError: the work was refused, or ended without a report.
        JobCancelled: the job was cancelled here.
    """
    inbox: queue.Queue[Event | Exception | None] = queue.Queue()
    context = contextvars.copy_context()  # it holds Gradio's request
    threading.Thread(target=context.run, args=(_receive, events, inbox), daemon=True).start()
    try:
        while True:
            try:
                event = inbox.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                job.check()
                continue
            match event:
                case Progress():
                    job.report(event.phase, event.step, event.total)
                case Preview():
                    job.show_preview(event)
                case FinishedFrames():
                    take(event)
                case Refusal():
                    raise InputError(event.message)
                case GenerationReport():
                    return event
                case Exception():
                    raise event
                case _:
                    raise InputError("The process that generates videos sent none; try again.")
    finally:
        cancel()


def _receive(events: Iterable[Event], inbox: queue.Queue[Event | Exception | None]) -> None:
    """Put events into the inbox; runs in a thread, because waiting for the next one cannot be interrupted."""
    try:
        for event in events:
            inbox.put(event)
        inbox.put(_END)
    except Exception as error:
        inbox.put(error)
