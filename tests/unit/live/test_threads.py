"""What passes between the threads of a live stream, and to browsers."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import pytest

from fyp_core.live.mailbox import Mailbox
from fyp_core.live.mjpeg import MjpegServer
from fyp_core.live.pacing import just_in_time
from fyp_media.errors import InputError


def test_a_slow_reader_gets_the_latest_item_only() -> None:
    box: Mailbox[int] = Mailbox(latest_only=True)
    assert all(box.put(number) for number in range(5))
    assert next(iter(box)) == 4


def test_where_nothing_may_be_lost_the_writer_waits() -> None:
    box: Mailbox[int] = Mailbox(latest_only=False)
    writer = threading.Thread(target=box.fill, args=(range(5),))
    writer.start()
    time.sleep(0.05)
    assert list(box) == [0, 1, 2, 3, 4]
    writer.join(1)


def test_closing_ends_both_sides() -> None:
    box: Mailbox[int] = Mailbox(latest_only=False)
    box.put(1)
    waiting = threading.Thread(target=box.put, args=(2,))
    waiting.start()
    box.close()
    waiting.join(1)
    assert not waiting.is_alive()
    assert list(box) == [] and not box.put(3)


def test_work_begins_just_in_time() -> None:
    camera: Mailbox[float] = Mailbox(latest_only=True)
    results: Mailbox[float] = Mailbox(latest_only=False)

    def pictures() -> Iterator[float]:
        while True:
            yield time.monotonic()
            time.sleep(0.005)

    def results_of(items: Iterable[float]) -> Iterator[float]:
        for taken in items:
            time.sleep(0.01)  # the work
            yield taken

    for target, items in ((camera, pictures()), (results, results_of(just_in_time(camera, results)))):
        threading.Thread(target=target.fill, args=(items,), daemon=True).start()
    ages = []
    for taken in results:
        ages.append(time.monotonic() - taken)
        time.sleep(0.1)
        if len(ages) == 14:
            break
    camera.close()
    results.close()
    assert min(ages[8:]) < 0.06 < ages[2]  # at first a result waits for 0.09 s


def test_browsers_get_the_page_and_the_pictures() -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[..., 0] = 200
    with MjpegServer(0) as server:
        with urllib.request.urlopen(server.address, timeout=5) as page:
            assert b'src="/stream"' in page.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.address}/etc/passwd", timeout=5)
        server.show(picture)
        with urllib.request.urlopen(f"{server.address}/stream", timeout=5) as stream:
            head = [stream.readline() for _ in range(4)]
            length = next(int(line.split(b":")[1]) for line in head if line.startswith(b"Content-Length"))
            jpeg = np.frombuffer(stream.read(length), np.uint8)
        shown = cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(shown.astype(int) - picture).max() < 8


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with MjpegServer(0) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(InputError, match=f"Port {port}"):
            MjpegServer(port)
