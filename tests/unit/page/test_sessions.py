"""What Gradio remembers of a session: the values of its states, and no copy of the page."""

import gradio as gr

from fyp_page.layout.blocks import Blocks
from tests.end_to_end.conftest import free_port


def test_a_session_keeps_its_states_and_no_copy_of_the_page() -> None:
    with Blocks() as demo:
        state, text = gr.State(3), gr.Textbox("hello")
    demo.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True)
    try:
        session = demo.app.state_holder["visitor"]
        session[state._id] = 4
        assert demo.app.state_holder["visitor"][state._id] == 4
        assert demo.app.state_holder["another"][state._id] == 3
        session[text._id] = gr.Textbox("changed")
        assert list(session.components) == []
    finally:
        demo.close(verbose=False)
