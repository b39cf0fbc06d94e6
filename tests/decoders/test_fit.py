"""What fits what: one rule for recordings and for sources."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from neuromotion_gym.decoders.fit import check_source
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.fitting import fitted, misfits

WRONG = {
    "unit": ({"unit": "count"}, "unit 'count' instead of 'V'"),
    "modality": ({"modality": "eeg"}, "modality 'eeg' instead of 'emg'"),
    "rate": ({"rate_hz": 200.0}, r"rate_hz 200\.0 instead of 100\.0"),
    "channels": ({"channels": ("a", "c")}, r"no channel b \(it has a, c\)"),
}


@pytest.mark.parametrize(("changes", "named"), WRONG.values(), ids=WRONG)
def test_a_recording_that_differs_in_one_thing_is_refused_with_both_sides(tiny, changes, named):
    recording = tiny.recording()
    other = replace(recording, spec=replace(recording.spec, **changes))
    assert fitted(recording, tiny.spec()).spec == recording.spec
    with pytest.raises(NeuroMotionError, match=f"'tiny' cannot read nowhere P0.*{named}"):
        fitted(other, tiny.spec())


@pytest.mark.parametrize(("changes", "named"), WRONG.values(), ids=WRONG)
def test_a_source_that_differs_in_one_thing_is_refused_with_both_sides(tiny, changes, named):
    given = tiny.recording().spec
    check_source(SimpleNamespace(spec=given, labels=("left", "right")), tiny.spec())
    with pytest.raises(NeuroMotionError, match=f"'tiny' reads 2 channels at 100 Hz, but the source gives.*: {named}"):
        check_source(SimpleNamespace(spec=replace(given, **changes), labels=("left", "right")), tiny.spec())


def test_more_channels_in_another_order_fit(tiny):
    assert misfits(replace(tiny.recording().spec, channels=("c", "b", "a")), tiny.spec()) == []


def test_a_rate_that_differs_by_rounding_fits(tiny):
    assert misfits(replace(tiny.recording().spec, rate_hz=100.0 + 1e-9), tiny.spec()) == []


def test_a_source_has_to_play_every_label_that_is_decoded(tiny):
    with pytest.raises(NeuroMotionError, match=r"cannot play right \(it plays left, up\)"):
        check_source(SimpleNamespace(spec=tiny.recording().spec, labels=("left", "up")), tiny.spec())


def test_targets_need_a_source_of_targets(tiny):
    spec = tiny.spec(output="targets", targets=("grip", "turn"), labels=())
    given = tiny.recording().spec
    with pytest.raises(NeuroMotionError, match=r"cannot play grip, turn \(it plays labels alone\)"):
        check_source(SimpleNamespace(spec=given, labels=("left", "right")), spec)
    check_source(SimpleNamespace(spec=given, labels=(), targets=("grip", "turn")), spec)


def test_all_that_is_wrong_is_named_at_once(tiny):
    given = replace(tiny.recording().spec, unit="count", rate_hz=50.0, channels=("a",))
    assert len(misfits(given, tiny.spec())) == 3


@pytest.mark.parametrize(("share", "fits"), [(0.9e-6, True), (1.1e-6, False), (-0.9e-6, True), (-1.1e-6, False)])
def test_rates_are_the_same_to_a_millionth(tiny, share, fits):
    recording = tiny.recording()
    other = replace(recording, spec=replace(recording.spec, rate_hz=100.0 * (1 + share)))
    assert (misfits(other.spec, tiny.spec()) == []) is fits


def test_a_message_names_eight_channels_at_most(tiny):
    names = tuple(f"c{number}" for number in range(1, 13))
    spec = tiny.spec(channels=list(names))
    (message,) = misfits(tiny.recording().spec, spec)
    assert "c1, c2, c3, c4, c5, c6, c7, c8 …" in message
    assert "c9" not in message
    (message,) = misfits(tiny.recording().spec, tiny.spec(channels=list(names[:8])))
    assert "c8 (" in message


def test_other_names_are_matched_said_and_given_the_decoder_s_names(tiny):
    spec = tiny.spec(modality="eeg", channels=["T7", "C3"])
    recording = tiny.recording()
    given = replace(recording.spec, modality="eeg", channels=("EEG C3-REF", "T3"))
    with pytest.warns(NeuroMotionWarning, match=r"nowhere P0.* matched by name: T3 is T7, EEG C3-REF is C3\."):
        found = fitted(replace(recording, spec=given), spec)
    assert found.spec.channels == ("T7", "C3")
    assert (found.samples == recording.samples[::-1]).all()


def test_a_name_that_is_not_clear_is_refused(tiny):
    spec = tiny.spec(channels=["C3"])
    given = replace(tiny.recording().spec, channels=("C3-A1", "C3-A2"))
    (message,) = misfits(given, spec)
    assert "'C3' may be any of 'C3-A1', 'C3-A2'" in message


def test_what_is_missing_stands_beside_what_is_there(tiny):
    with pytest.raises(NeuroMotionError, match=r"no channel Cz, Pz \(it has a, b\)"):
        fitted(tiny.recording(), tiny.spec(channels=["a", "Cz", "Pz"]))


def test_another_rate_is_resampled_with_a_warning_where_asked(tiny):
    recording = replace(tiny.recording(), spec=replace(tiny.recording().spec, rate_hz=128.0))
    with pytest.raises(NeuroMotionError, match=r"rate_hz 128\.0 instead of 100\.0\. resample=True converts the rate"):
        fitted(recording, tiny.spec())
    with pytest.warns(NeuroMotionWarning, match=r"is resampled from 128 Hz to 100 Hz, which decoder 'tiny' reads"):
        found = fitted(recording, tiny.spec(), resample=True)
    assert found.spec.rate_hz == 100
    assert [trial.start for trial in found.trials] == [round(trial.start / 1.28) for trial in recording.trials]
