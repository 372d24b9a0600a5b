"""Endpoints for programs: arguments by name, with the defaults of a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr
from anyio.to_thread import run_sync as in_thread
from gradio.components import Component

from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND, KINDS
from fyp_page.controls import argument, usable_estimators
from fyp_page.handlers.api import Api
from fyp_page.handlers.requests import CROPS

# Fields whose arguments have another form.
_TRANSLATED = ("input", "crop", "loras", "additions", "reference_picture", "ip_adapter")
_AT_ONCE = 8  # calls of an endpoint; jobs wait in the engine's queue


def add_endpoints(api: Api) -> None:
    """Add ``/generate``, ``/extract_pose``, ``/models``, ``/status`` and ``/cancel`` to the page being built."""
    with gr.Group(visible=False):  # they only define which values an endpoint takes and returns
        _endpoint(
            "generate",
            api.generate,
            _generate_arguments(),
            [gr.File(), gr.File(), gr.JSON()],
            at_once=None,  # waiting for a video takes no thread, and the engine's queue has the limits
        )
        extracting = {
            "video": gr.File(label="Video"),
            "estimator": gr.Dropdown(usable_estimators(), value="auto", label="Estimator"),
            "people": gr.Textbox("all", label="People"),
        }
        _endpoint("extract_pose", api.extract_pose, extracting, [gr.File(), gr.File()])
        _endpoint("models", api.models, {}, [gr.JSON()])
        _endpoint("status", api.status, {"job": gr.Textbox(label="Job")}, [gr.JSON()])
        _endpoint("cancel", api.cancel, {"job": gr.Textbox(label="Job")}, [gr.JSON()])


def _generate_arguments() -> dict[str, Component]:
    fields = [name for name in GenerationRequest.model_fields if name not in _TRANSLATED]
    return {
        "video": gr.File(label="Video"),
        **{name: argument(name) for name in fields},
        **{side: gr.Number(0, precision=0, minimum=0, label=side) for side in CROPS},
        "loras": gr.File(file_count="multiple", label="LoRA files"),
        "lora_weights": gr.JSON(label="Weights of the LoRAs"),
        "embeddings": gr.File(file_count="multiple", label="Textual inversion files"),
        "base": gr.Textbox(label="Base model, one of those that /models names"),
        "reference_picture": gr.File(label="Reference picture"),
        "ip_adapter": gr.Dropdown(list(KINDS), value=DEFAULT_KIND, label="What is taken from the picture"),
        "ip_adapter_file": gr.File(label="IP-Adapter file, in place of the known ones"),
        "job": gr.Textbox(label="Name of the job, which nobody can guess"),
    }


def _endpoint(
    name: str,
    function: Callable[..., Any],
    arguments: Mapping[str, Component],
    results: list[Component],
    at_once: int | None = _AT_ONCE,
) -> None:
    gr.Button(visible=False).click(
        _with_signature(function, arguments),
        inputs_kwargs=dict(arguments),
        outputs=results,
        api_name=name,
        concurrency_limit=at_once,
        show_progress="hidden",
    )


def _with_signature(function: Callable[..., Any], arguments: Mapping[str, Component]) -> Callable[..., Any]:
    """The function with named arguments, which Gradio publishes; one with a default may be left out."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, **_default(name, component))
        for name, component in arguments.items()
    ]

    async def called(**values: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(**values)
        return await in_thread(partial(function, **values))

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__doc__ = function.__doc__
    return called


def _default(name: str, component: Component) -> dict[str, Any]:
    return {} if name in ("video", "prompt") else {"default": getattr(component, "value", None)}
