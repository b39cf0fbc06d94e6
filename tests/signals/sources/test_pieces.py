"""Lengths of pieces: from seconds to samples, whole trials, and what cannot be played."""

from __future__ import annotations

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import SignalSpec
from neuromotion_gym.signals.sources.pieces import TRIAL_MARGIN_S, piece_rule

SPEC = SignalSpec("emg", ("a",), 100.0, "V")


def test_seconds_become_samples():
    rule = piece_rule(SPEC, 0.25, (0.5, 1.5), 0.1, None)
    assert (rule.shortest, rule.longest, rule.fade, rule.skip, rule.beyond, rule.shrink) == (50, 150, 10, 25, 0, True)


def test_defaults_are_those_of_the_modality():
    emg = piece_rule(SPEC, 0.0, None, None, None)
    eeg = piece_rule(SignalSpec("eeg", ("a",), 100.0, "V"), 0.0, None, None, None)
    assert emg.shortest < emg.longest < eeg.longest
    assert 0 < emg.fade < emg.shortest


def test_a_whole_trial_reaches_beyond_its_epoch_by_the_margin_and_the_fade():
    rule = piece_rule(SPEC, 0.5, None, 0.1, (0.5, 2.5))
    margin = round(100 * TRIAL_MARGIN_S)
    assert margin > 0
    assert rule.beyond == 1 + margin + 10
    assert rule.shortest == rule.longest == 250 + 1 + margin - 50
    assert (rule.fade, rule.skip, rule.shrink) == (10, 50, False)


@pytest.mark.parametrize(
    ("pieces_s", "fade_s", "allowed"),
    [
        ((0.01, 0.01), 0.0, True),  # one sample
        ((0.0, 0.01), 0.0, False),
        ((0.1, 0.1), 0.1, True),
        ((0.1, 0.1), 0.11, False),
        ((0.2, 0.1), 0.0, False),
    ],
)
def test_a_piece_has_a_sample_or_more_and_holds_its_fade(pieces_s, fade_s, allowed):
    if allowed:
        assert piece_rule(SPEC, 0.0, pieces_s, fade_s, None).shortest == round(100 * pieces_s[0])
        return
    with pytest.raises(NeuroMotionError, match="cannot be played"):
        piece_rule(SPEC, 0.0, pieces_s, fade_s, None)
