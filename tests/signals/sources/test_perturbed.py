"""Perturbations change samples and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.datasets.playing import Playing, open_source
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.sources import Perturbed
from neuromotion_gym.signals.sources.perturbed import perturb, register_perturbation

PLAYING = Playing(source="surrogate", dataset="myo_armband", part="tune", labels=("neutral", "hand_close", "hand_open"))


class Louder(Perturbed):
    """Every episode is louder by a factor of its own."""

    def begin(self, rows, generators):
        self.factors = {row: generator.uniform(2, 3) for row, generator in zip(rows.tolist(), generators, strict=True)}

    def change(self, samples, rows):
        chosen = range(len(samples)) if rows is None else rows.tolist()
        return samples * np.array([self.factors[row] for row in chosen])[:, None, None]


def play(source, rows=2):
    source.start(rows)
    source.reset(np.arange(rows), [np.random.default_rng(row) for row in range(rows)])
    read = [source.read(np.array([1, 2]), 10) for _ in range(40)]
    return np.concatenate(read, axis=2), source.playing, [source.trials_played(row) for row in range(rows)]


def test_everything_but_the_samples_is_the_inner_source_s():
    plain, labels, trials = play(open_source(PLAYING))
    louder, other_labels, other_trials = play(Louder(open_source(PLAYING)))
    np.testing.assert_array_equal(labels, other_labels)
    assert trials == other_trials
    shares = np.divide(louder, plain, out=np.full_like(plain, np.nan), where=plain != 0)
    for row in range(2):
        own = shares[row][np.isfinite(shares[row])]
        np.testing.assert_allclose(own, own[0], rtol=1e-5)
        assert 2 <= own[0] <= 3


def test_lost_channels_are_zero_and_said():
    one = {"name": "lost_channels", "options": {"channels": ["emg_3"]}}
    source = open_source(Playing(**{**PLAYING.model_dump(), "perturbations": [one]}))
    samples, *_ = play(source)
    plain, *_ = play(open_source(PLAYING))
    assert not samples[:, 2].any()
    np.testing.assert_array_equal(np.delete(samples, 2, axis=1), np.delete(plain, 2, axis=1))
    assert source.provenance["playing"]["perturbations"] == [one]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("earthquake", {}, "Perturbations: lost_channels"),
        ("lost_channels", {"electrodes": ["emg_1"]}, "does not take these options"),
        ("lost_channels", {"channels": ["C3"]}, "emg_1"),
        ("lost_channels", {"channels": "emg_1"}, "has to be a list of names"),
    ],
)
def test_what_cannot_be_perturbed_is_refused(name, options, message):
    with pytest.raises(NeuroMotionError, match=message):
        perturb(open_source(PLAYING), name, options)


def test_a_name_is_given_once():
    with pytest.raises(NeuroMotionError, match="already is a perturbation 'lost_channels'"):
        register_perturbation("lost_channels", Louder)
