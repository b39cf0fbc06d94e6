"""Training windows as covariances of bands: the same numbers as from samples, joined within a label, mirrored."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.training.bands import apply_filters, filter_bank
from neuromotion_gym.training.preparations import prepared_windows

CHANNELS = ("C3", "Cz", "C4")
LABELS = ("rest", "left_fist", "right_fist")
RECIPE = {
    "decoder": {
        "name": "small",
        "modality": "eeg",
        "dataset": "nowhere",
        "labels": LABELS,
        "channels": CHANNELS,
        "rate_hz": 160,
        "unit": "V",
        "window": 320,
        "hop_s": 0.25,
        "output": "logits",
        "adaptation": {"kind": "euclidean", "band_hz": [8, 30], "shape": [3, 3]},
        "split": "subject",
        "licence": "CC0-1.0",
    },
    "data": {"preparation": "band_covariances", "stride_s": 0.25},
    "network": {"name": "spatial_bands", "options": {"bands_hz": [[8, 30]], "taps": 81}},
    "training": {},
}


def recipe(**changes) -> Recipe:
    content = copy.deepcopy(RECIPE)
    for path, value in changes.items():
        section, key = path.split("__")
        content[section][key] = value
    return Recipe(**content)


@pytest.fixture(scope="module")
def session() -> Session:
    generator = np.random.default_rng(0)
    spec = SignalSpec("eeg", CHANNELS, 160.0, "V")

    def recording(run: str) -> Recording:
        samples = (1e-5 * generator.normal(size=(3, 4000))).astype(np.float32)
        starts = np.arange(200, 3200, 660)
        trials = tuple(Trial(LABELS[number % 3], int(start), int(start) + 656) for number, start in enumerate(starts))
        return Recording(samples, spec, trials, "nowhere", "P1", run=run)

    runs = recording("1"), recording("2")
    return Session("nowhere", "P1", "0", runs, runs[:1])


def test_the_last_blocks_are_the_covariance_of_the_filtered_samples(session):
    data = prepared_windows(recipe(), [session])
    trial = session.recordings[0].trials[0]
    filtered = apply_filters(session.recordings[0].samples.astype(float), filter_bank(160, [[8, 30]], 81))[0]
    last = filtered[:, trial.start + 10 * 40 : trial.start + 16 * 40]  # 240 samples of the window are no context
    np.testing.assert_allclose(
        data.windows(np.array([0]))[0, 0] * 1e10, last @ last.T / 240 * 1e10, rtol=1e-3, atol=1e-4
    )


def test_mirrored_rows_exchange_sides(session):
    data = prepared_windows(recipe(), [session])
    sides = np.flatnonzero(data.labels[: len(data.lengths)] != 0)
    twin = len(data.lengths)  # the first trial of a side comes first again
    plain, other = data.windows(np.array([sides[0], twin]))
    np.testing.assert_array_equal(other, plain[:, ::-1, ::-1])
    assert {data.labels[sides[0]], data.labels[twin]} == {1, 2}
    one, two = data.adaptation(np.array([sides[0], twin]))
    np.testing.assert_array_equal(two, one[::-1, ::-1])


def test_without_mirroring_every_trial_comes_once(session):
    data = prepared_windows(recipe(data__options={"mirrored": False}), [session])
    assert len(data.labels) == len(data.lengths) == 10


def test_drawn_windows_vary_repeat_and_stay_within_their_label(session):
    data = prepared_windows(recipe(data__options={"joined": 1.0, "mirrored": False}), [session])
    rows = np.arange(10)
    first = data.windows(rows, np.random.default_rng(1))
    np.testing.assert_array_equal(first, data.windows(rows, np.random.default_rng(1)))
    assert not np.array_equal(first, data.windows(rows, np.random.default_rng(2)))
    # Were another label joined, making that label's trials a thousand times stronger would show
    strong = data.sums.copy()
    strong[data.labels == 0] *= 1000
    from dataclasses import replace

    changed = replace(data, sums=strong).windows(rows, np.random.default_rng(1))
    np.testing.assert_array_equal(changed[data.labels != 0], first[data.labels != 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__options": {"shortest": 1}}, "no option shortest"),
        ({"data__options": {"shortest_s": 3.0, "longest_s": 1.0}}, "at most longest_s"),
        ({"network__options": {}}, "bands_hz and taps"),
        ({"decoder__adaptation": {"kind": "none"}}, "euclidean"),
    ],
)
def test_wrong_options_are_refused(session, changes, message):
    with pytest.raises(NeuroMotionError, match=message):
        prepared_windows(recipe(**changes), [session])
