"""What a foreign runtime says becomes one short line."""

from __future__ import annotations

import pytest

from neuromotion_gym.decoders.onnx_session import first_line, run_session
from neuromotion_gym.errors import NeuroMotionError


def test_the_first_line_of_an_error_is_kept_and_cut():
    assert first_line(ValueError("\n one line \nanother")) == "one line "
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("x" * 300)) == "x" * 200


def test_a_model_that_fails_is_named_by_its_file():
    class Failing:
        def run(self, outputs, feed):
            raise RuntimeError("out of memory\ntrace")

    with pytest.raises(NeuroMotionError, match=r"^a/model\.onnx failed while it ran: out of memory$"):
        run_session(Failing(), ["logits"], {}, "a/model.onnx")
