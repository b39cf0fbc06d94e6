"""The page on notebooks, run by a real kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from neuromotion_gym.rendering.backend import rendering_available, why_not

from .scripts import ROOT, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.skipif(not rendering_available(), reason=f"cannot draw here: {why_not()}"),
]
nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")


def test_a_cell_shows_one_picture_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbformat.v4 import new_code_cell, new_notebook

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = new_notebook(cells=[new_code_cell(script) for script in scripts("notebooks")])
    nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    (cell,) = notebook.cells
    shown = [output["data"] for output in cell.outputs if "data" in output]
    assert [name for data in shown for name in data if name in ("image/jpeg", "text/html")] == [
        "image/jpeg",
        "text/html",
    ]
    assert "decoder" in shown[-1]["text/html"]
    assert not [output for output in cell.outputs if output.output_type == "stream"]
