"""Decoders of continuous targets: stated, checked, run; refused where a posterior is needed."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import BoundDecoder, IntentPolicy, OnnxDecoder, ProbabilityDecoder, check_decoder
from neuromotion_gym.decoders.decoder import checked_targets
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.training.evaluation import decide

TARGETS = {"output": "targets", "targets": ["grip", "turn"], "labels": []}


class Regression:
    """An object with ``predict``: each target is the mean of a channel."""

    def predict(self, windows):
        return windows.mean(axis=2)


def test_an_object_with_predict_is_a_decoder_of_targets(tiny):
    decoder = ProbabilityDecoder(Regression(), tiny.spec(**TARGETS))
    check_decoder(decoder)
    windows = np.stack([np.full(4, 0.25), np.full(4, -7.0)])[None]
    targets, effort = decoder.decode(windows)
    assert targets.tolist() == [[0.25, -1.0]]  # clipped
    assert effort is None
    assert decoder.decode(np.empty((0, 2, 4)))[0].shape == (0, 2)
    with pytest.raises(NeuroMotionError, match="has no predict, which a decoder of targets needs"):
        ProbabilityDecoder(object(), tiny.spec(**TARGETS))


def test_a_graph_may_give_targets(tiny, tmp_path):
    decoder = OnnxDecoder(tiny.write(tmp_path / "x", tiny.graph(), **TARGETS))
    check_decoder(decoder)
    targets, _ = decoder.decode(np.stack([np.full(4, 0.25), np.full(4, -0.5)])[None])
    assert targets[0] == pytest.approx([0.25, -0.5])
    assert decoder.spec.decoded == ("grip", "turn")
    with pytest.raises(NeuroMotionError, match="gives 2 values .*its targets, which are 1: grip"):
        OnnxDecoder(tiny.write(tmp_path / "y", tiny.graph(), **{**TARGETS, "targets": ["grip"]}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"output": "targets"}, "needs targets"),
        ({"targets": ("grip",)}, "targets belong to output 'targets'"),
        ({"labels": ()}, "labels have to be two or more"),
        ({**TARGETS, "adaptation": {"kind": "head", "shape": (3, 3)}}, "begin with the number of targets, 2"),
        ({**TARGETS, "adaptation": {"kind": "wearer", "shape": (2, 3)}}, "'wearer' fits labels"),
        ({**TARGETS, "targets": ("grip", "grip")}, "unique"),
    ],
)
def test_contradictions_of_a_specification_are_refused(tiny, changes, named):
    with pytest.raises(NeuroMotionError, match=named):
        tiny.spec(**changes)


@pytest.mark.parametrize("kind", ["object", "graph"])
def test_what_needs_a_posterior_refuses_targets(tiny, tmp_path, kind):
    decoder = ProbabilityDecoder(Regression(), tiny.spec(**TARGETS))
    if kind == "graph":
        decoder = OnnxDecoder(tiny.write(tmp_path / "x", tiny.graph(), **TARGETS))
    for refused in (
        lambda: decoder.predict_proba(np.zeros((1, 2, 4))),
        lambda: IntentPolicy(decoder),
        lambda: decide(decoder, [Session("nowhere", "P0", "0", (tiny.recording(),))]),
        lambda: BoundDecoder("oracle", decoder).decode_labels(np.zeros((1, 4), int)),
    ):
        with pytest.raises(NeuroMotionError, match=r"needs a posterior over labels.*targets \(grip, turn\)"):
            refused()


def test_the_blind_bound_of_targets_gives_zeros(tiny):
    bound = BoundDecoder("blind", ProbabilityDecoder(Regression(), tiny.spec(**TARGETS)))
    assert bound.decode_labels(np.zeros((3, 4), int)).tolist() == [[0, 0]] * 3


def test_broken_targets_are_refused(tiny):
    spec = tiny.spec(**TARGETS)
    with pytest.raises(NeuroMotionError, match="NaN or infinite targets"):
        checked_targets(np.array([[0.0, np.inf]]), 1, spec)
    with pytest.raises(NeuroMotionError, match=r"2 targets \(grip, turn\)"):
        checked_targets(np.zeros((1, 3)), 1, spec)


@pytest.mark.parametrize("beyond", [0.2, -0.2, 100])
def test_check_decoder_finds_targets_that_leave_their_range(tiny, beyond):
    class Unbounded(ProbabilityDecoder):
        def decode(self, windows, adaptation=None):
            targets, _ = super().decode(windows, adaptation)
            return (np.sign(beyond) + np.float32(beyond) + 0 * targets).astype(np.float32), None

    with pytest.raises(NeuroMotionError, match="leave -1..1"):
        check_decoder(Unbounded(Regression(), tiny.spec(**TARGETS)))
