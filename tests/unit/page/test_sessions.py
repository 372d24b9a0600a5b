"""What Gradio remembers of sessions: the values of their states, no copy of the page, and not for ever."""

import asyncio
import time
from collections.abc import Iterator

import gradio as gr
import pytest
from gradio_client import Client
from httpx import Client as Http

from fyp_page.layout.blocks import Blocks
from tests.end_to_end.conftest import free_port

REMEMBERED = 2000
UNREAD = 200


async def wait() -> str:
    await asyncio.sleep(3)
    return "waited"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def demo(port: int) -> Iterator[Blocks]:
    with Blocks(is_open=lambda session: session == "watched") as demo:
        state, text = gr.State(3), gr.Textbox("hello")
        text.change(lambda state, text: text, [state, text], text, api_name="echo")
        text.input(wait, None, text, api_name="wait", concurrency_limit=None)
    demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True)
    yield demo
    demo.close(verbose=False)


def test_a_session_keeps_its_states_and_no_copy_of_the_page(demo: Blocks) -> None:
    state, text = demo.fns[0].inputs
    session = demo.app.state_holder["visitor"]
    session[state._id] = 4
    assert demo.app.state_holder["visitor"][state._id] == 4
    assert demo.app.state_holder["another"][state._id] == 3
    session[text._id] = gr.Textbox("changed")
    assert list(session.components) == []


def test_sessions_have_short_names(demo: Blocks, http: Http) -> None:
    with pytest.raises(ValueError, match="name of the session"):
        demo.app.state_holder["x" * 101]
    assert join(http, "x" * 100) == 200


@pytest.fixture
def http(port: int) -> Iterator[Http]:
    with Http(base_url=f"http://127.0.0.1:{port}/gradio_api") as http:
        yield http


def join(http: Http, session: str) -> int:
    """Ask for an echo, and do not read it."""
    body = {"data": [None, "hello"], "fn_index": 0, "session_hash": session}
    return http.post("/queue/join", json=body).status_code


@pytest.mark.slow
def test_a_session_that_reads_no_answers_is_refused_at_last(http: Http) -> None:
    assert {join(http, "silent") for _ in range(UNREAD)} == {200}
    assert join(http, "silent") == 503
    assert join(http, "another") == 200


def test_many_requests_that_wait_leave_room_for_others(port: int, http: Http) -> None:
    client = Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False)
    for number in range(60):
        body = {"data": [], "fn_index": 1, "session_hash": f"waiting {number}"}
        assert http.post("/queue/join", json=body).status_code == 200
    start = time.monotonic()
    assert client.predict("at once", api_name="/echo") == "at once"
    assert time.monotonic() - start < 2


def test_of_many_sessions_those_are_forgotten_for_which_nothing_is_under_way(
    demo: Blocks, port: int, http: Http
) -> None:
    queue = demo._queue
    client = Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False)
    assert client.predict("read", api_name="/echo") == "read"
    assert client.session_hash in queue.pending_messages_per_session
    for session in ("watched", "waiting"):
        assert join(http, session) == 200
    for number in range(REMEMBERED):
        queue.pending_messages_per_session[f"{number}"] = None
    assert client.session_hash not in queue.pending_messages_per_session
    assert client.session_hash not in queue.pending_event_ids_session
    assert {"watched", "waiting"} <= queue.pending_messages_per_session.keys()
    assert {"watched", "waiting"} <= queue.pending_event_ids_session.keys()
    for number in range(REMEMBERED):
        queue.pending_messages_per_session[f"x{number}"] = None
        queue.pending_event_ids_session[f"x{number}"] = {"unread"}
    assert len(queue.pending_messages_per_session) <= REMEMBERED
    assert "watched" in queue.pending_messages_per_session
    assert "waiting" not in queue.pending_messages_per_session
