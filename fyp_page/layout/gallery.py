"""The panel with the results of this browser."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr


@dataclass
class GalleryPanel:
    """gallery: posters of this browser's results."""

    gallery: gr.Gallery
    delete_one: gr.Button
    delete_all: gr.Button


def gallery_panel() -> GalleryPanel:
    """Posters, the newest first; a click shows the result again."""
    with gr.Column(elem_classes="card", elem_id="your_videos"):
        gr.HTML(
            '<div class="step"><h2>Your videos</h2><p>Results stay here, for this browser alone.</p></div>'
        )
        gallery = gr.Gallery(
            show_label=False,
            columns=8,
            fit_columns=False,
            object_fit="cover",
            height=190,
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="gallery",
            visible=False,
        )
        with gr.Row():
            delete_one = gr.Button("Delete the one shown", size="sm", interactive=False, min_width=140)
            delete_all = gr.Button("Delete all", size="sm", min_width=140)
    return GalleryPanel(gallery, delete_one, delete_all)
