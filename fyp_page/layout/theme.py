"""The appearance of the page: theme, style sheet, script and icon, from ``assets/page``."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from fyp_media.files import project_file
from fyp_page.examples import examples

TITLE = "Follow Your Pose"
DESCRIPTION = (
    "A video of a person and a sentence in; a video of the described character making the same moves out."
)
ASSETS = project_file("assets/page")
_META = f"""
<meta name="description" content="{DESCRIPTION}">
<meta property="og:type" content="website">
<meta property="og:title" content="{TITLE}">
<meta property="og:description" content="{DESCRIPTION}">
<meta property="og:image" content="gradio_api/file={ASSETS / "card.webp"}">
<meta name="twitter:card" content="summary_large_image">
"""


def make_theme() -> gr.themes.Base:
    """Greys, and blue for buttons; system fonts, so that nothing is loaded from other sites."""
    return gr.themes.Base(
        primary_hue="blue",
        secondary_hue="blue",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_title_text_weight="600",
        block_border_width="0px",
        block_shadow="none",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_800",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_width="1px",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        slider_color="*primary_600",
        checkbox_label_background_fill="*neutral_100",
        checkbox_label_background_fill_dark="*neutral_800",
    )


def appearance() -> dict[str, Any]:
    """Arguments of :meth:`gradio.Blocks.launch` for the appearance."""
    titles = json.dumps([example.title for example in examples()])
    return {
        "theme": make_theme(),
        "css_paths": ASSETS / "page.css",
        "head": f"{_META}<script>window.exampleTitles = {titles};{(ASSETS / 'page.js').read_text()}</script>",
        "favicon_path": ASSETS / "favicon.svg",
        "footer_links": [],
    }


def header() -> str:
    """The page's first line, HTML."""
    logo = (ASSETS / "favicon.svg").read_text()
    return f'<div id="header">{logo}<div><h1>{TITLE}</h1><p>{DESCRIPTION}</p></div></div>'


def step(number: int, title: str, text: str) -> gr.HTML:
    """A panel's heading."""
    return gr.HTML(f'<div class="step"><b>{number}</b><h2>{title}</h2><p>{text}</p></div>')
