"""``quick_demo.ipynb`` runs from its first cell to its last, in an empty folder and with the bundled model."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from fyp_media.read_video import probe
from tests.end_to_end.conftest import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow


def test_the_notebook_runs_and_shows_its_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(ROOT / "quick_demo.ipynb", as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output for output in outputs if "text/html" in output.get("data", {})]
    assert len(shown) == 4
    assert all('src="data:video/mp4;base64,' in output["data"]["text/html"] for output in shown)
    assert any(output.get("text") == "mini\n" for output in outputs)
    assert probe(tmp_path / "output/disco.mp4").frame_count == 12
