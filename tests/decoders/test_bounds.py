from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import BoundDecoder, OnnxDecoder, parse_decoder_name
from neuromotion_gym.errors import NeuroMotionError


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("oracle:emg_armband", ("oracle", "emg_armband")),
        ("shuffled", ("shuffled", None)),
        ("open_loop:emg_armband", ("open_loop", "emg_armband")),
        ("blind:/some/folder", ("blind", "/some/folder")),
        ("emg_armband", (None, "emg_armband")),
        ("C:\\decoders\\mine", (None, "C:\\decoders\\mine")),
    ],
)
def test_names(name, parsed):
    assert parse_decoder_name(name) == parsed


@pytest.mark.parametrize("name", ["oracel:emg_armband", "oracle:"])
def test_names_that_mean_nothing(name):
    with pytest.raises(NeuroMotionError, match=r"oracle"):
        parse_decoder_name(name)


def test_oracle_gives_the_label_that_played_longest(tiny_folder):
    oracle = BoundDecoder("oracle", OnnxDecoder(tiny_folder))
    played = np.array([[0, 0, 0, 1], [1, 1, 1, 0], [-1, -1, -1, 1], [-1, -1, -1, -1], [1, 0, 0, 1]])
    assert oracle.decode_labels(played).tolist() == [[1, 0], [0, 1], [0, 1], [0.5, 0.5], [1, 0]]


def test_blind_tells_nothing_and_the_others_decode_signals(tiny_folder):
    inner = OnnxDecoder(tiny_folder)
    assert BoundDecoder("blind", inner).decode_labels(np.zeros((2, 4), int)).tolist() == [[0.5, 0.5]] * 2
    assert BoundDecoder("blind", inner).spec == inner.spec
    for kind in ("shuffled", "open_loop"):
        with pytest.raises(NeuroMotionError, match=f"{kind}.* inner decoder"):
            BoundDecoder(kind, inner).decode_labels(np.zeros((2, 4), int))
