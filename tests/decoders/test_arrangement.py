from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import BoundDecoder, arrangement, load_decoder
from neuromotion_gym.decoders.arrangement import (
    LEAST_S,
    PLAIN,
    Arrangement,
    arrangement_check,
    arrangements,
    can_be_arranged,
    facts_of_arrangement,
    labelled_arrangement,
    mapped_channels,
)
from neuromotion_gym.decoders.calibration import calibration_windows
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Session

ALL = arrangements(6)
NAMES = [f"{one.turn}{'m' if one.mirrored else ''}" for one in ALL]


def session(recording, calibration=()):
    return Session("user", recording.subject, recording.session, (recording,), tuple(calibration))


def test_there_are_two_arrangements_for_each_channel_and_all_differ():
    assert ALL[0] == PLAIN
    assert len({one.of("abcdef") for one in ALL}) == 12
    assert Arrangement(2).of("abcdef") == tuple("cdefab")
    assert Arrangement(2, mirrored=True).of("abcdef") == tuple("cbafed")


@pytest.mark.parametrize(
    ("worn", "words"),
    [(PLAIN, "as the decoder expects it"), (Arrangement(5), "turned by 1 of 6"), (Arrangement(0, True), "mirrored")],
)
def test_words_say_how_a_band_is_worn(worn, words):
    assert worn.words(6).startswith(words)


@pytest.mark.parametrize("worn", ALL, ids=NAMES)
def test_arrangement_is_found_with_and_without_labels(ring, worn):
    decoder, recording = load_decoder(ring.folder), ring.worn(worn)
    unlabelled = arrangement_check(decoder, [replace(recording, trials=())])
    windows, labels, _ = calibration_windows([recording], decoder.spec)
    for fit in (unlabelled, labelled_arrangement(decoder, windows, labels)):
        assert fit.best == worn
        assert fit.sure
        assert fit.differs is (worn != PLAIN)
        assert fit.score > 0.85
        assert fit.given_score < 0.8 or worn == PLAIN


@pytest.mark.parametrize("labels", [("hand_open",), ("hand_open", "hand_close")])
def test_nothing_is_said_where_a_person_made_few_movements(ring, labels):
    fit = arrangement_check(load_decoder(ring.folder), [ring.worn(Arrangement(2), labels=labels)])
    assert not fit.sure
    assert not fit.differs


def test_short_recordings_and_other_decoders_are_not_compared(ring, tiny, tiny_folder, tmp_path):
    decoder = load_decoder(ring.folder)
    assert arrangement_check(decoder, [ring.worn(seconds=LEAST_S - 1)]) is None
    half = ring.worn(Arrangement(3), seconds=0.6 * LEAST_S)
    assert arrangement_check(decoder, [half, half]).differs
    assert arrangement_check(load_decoder(tiny_folder), [tiny.recording()]) is None
    assert not can_be_arranged(load_decoder(ring.write(tmp_path / "row", ring=False)))


def test_windows_in_bad_spans_are_not_looked_at(ring):
    decoder, recording = load_decoder(ring.folder), ring.worn()
    samples = recording.samples.copy()
    samples[:, :6000] = ring.worn(Arrangement(4)).samples[:, :6000]
    mixed = replace(recording, samples=samples, trials=())
    clean = replace(mixed, bad_spans=((0, 6000),))
    assert arrangement_check(decoder, [clean]).sure
    assert not arrangement_check(decoder, [mixed]).sure


def test_label_of_a_few_windows_weighs_as_much_as_one_of_many(ring):
    decoder = load_decoder(ring.folder)
    few, few_labels, _ = calibration_windows([ring.worn(Arrangement(4))], decoder.spec)
    kept = np.concatenate([np.flatnonzero(few_labels == label)[:9] for label in range(4)])
    many, many_labels, _ = calibration_windows([ring.worn(Arrangement(2))], decoder.spec)
    one = np.flatnonzero(many_labels == 1)
    windows, labels = np.concatenate([few[kept], many[one]]), np.concatenate([few_labels[kept], many_labels[one]])
    assert labelled_arrangement(decoder, windows, labels).best == Arrangement(4)


def test_best_arrangement_has_to_be_informative_and_better_than_every_other(ring, monkeypatch):
    decoder, recording = load_decoder(ring.folder), ring.worn()
    samples = recording.samples.copy()
    samples[:, :5000] = ring.worn(Arrangement(4)).samples[:, :5000]
    mixed = arrangement_check(decoder, [replace(recording, samples=samples, trials=())])
    assert mixed.best == PLAIN
    assert not mixed.sure
    assert arrangement_check(decoder, [recording]).sure
    monkeypatch.setattr(arrangement, "LEAST_INFORMATION", 0.95)
    assert not arrangement_check(decoder, [recording]).sure


def test_one_warning_names_every_session_that_is_worn_otherwise(ring):
    decoder = load_decoder(ring.folder)
    sessions = [
        session(ring.worn(subject="plain")),
        session(ring.worn(Arrangement(1), subject="turned")),
        session(ring.worn(Arrangement(1, mirrored=True), subject="other")),
    ]
    with pytest.warns(NeuroMotionWarning) as said:
        facts = facts_of_arrangement(decoder, sessions)
    text = str(said[0].message)
    assert len(said) == 1
    assert "\n" not in text
    assert "turned, session 0: turned by 1 of 6 electrodes, read in the order e1, e2, e3, e4, e5, e0" in text
    assert "other, session 0: mirrored, read in the order e1, e0, e5, e4, e3, e2" in text
    assert "plain" not in text
    assert list(facts["band_worn_otherwise"]) == ["turned, session 0", "other, session 0"]
    assert facts_of_arrangement(BoundDecoder("shuffled", decoder), sessions) == {}


def test_calibration_run_is_looked_at_before_what_is_played(ring):
    decoder = load_decoder(ring.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert facts_of_arrangement(decoder, [session(ring.worn(Arrangement(2)), [ring.worn()])]) == {}
    with pytest.warns(NeuroMotionWarning, match="turned by 2"):
        facts_of_arrangement(decoder, [session(ring.worn(), [ring.worn(Arrangement(2))])])


def test_map_of_channels_changes_the_order_in_which_they_are_read(ring):
    swapped = {"e0": "e1", "e1": "e0"}
    assert mapped_channels(["e0", "e1", "e2"], swapped) == ("e1", "e0", "e2")
    assert mapped_channels({"a": "e0", "b": "e1"}, {"a": "x"}) == ("x", "e1")
    loaded = load_decoder(ring.folder, channels=swapped)
    assert loaded.spec.channels == ("e1", "e0", "e2", "e3", "e4", "e5")
    assert loaded.spec.ring


def test_recipe_may_have_a_map_of_channels(ring, tmp_path):
    turned = {f"e{number}": f"e{(number + 1) % 6}" for number in range(6)}
    folder = ring.write(tmp_path / "turned", channels=turned)
    assert load_decoder(folder).spec.channels == ("e1", "e2", "e3", "e4", "e5", "e0")
    again = load_decoder(folder, channels={"e0": "e2", "e1": "e1"})
    assert again.spec.channels == ("e2", "e1", "e3", "e4", "e5", "e0")


@pytest.mark.parametrize(
    ("given", "match"),
    [({"e9": "e1"}, "maps e9, which the decoder does not read; it reads e0, e1"), ({"e0": "e1"}, "has e1 for two")],
)
def test_map_that_is_no_order_is_refused(ring, given, match):
    with pytest.raises(NeuroMotionError, match=match):
        load_decoder(ring.folder, channels=given)
