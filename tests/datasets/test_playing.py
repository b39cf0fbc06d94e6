"""What is played is one value, what does not apply is refused, and everything is opened in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.playing import Perturbation, Playing, open_source, playing_for
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.sources import ReplaySource
from neuromotion_gym.signals.surrogate import parameters

if TYPE_CHECKING:
    from pathlib import Path


def test_defaults_come_from_the_decoder_and_its_data_set() -> None:
    playing = playing_for(load_decoder("eeg_fists").spec)
    assert (playing.ocular, playing.skip_cue, playing.source, playing.part) == ("regress", 2.0, "surrogate", "tune")
    playing = playing_for(load_decoder("emg_armband").spec)
    assert (playing.ocular, playing.skip_cue, playing.pacing) == ("keep", 0.0, "sliding")


def test_what_a_playing_leaves_out_changes_nothing_of_the_recordings() -> None:
    playing = Playing(source="replay", dataset="eegmmidb", part="tune", labels=("rest",))
    assert (playing.ocular, playing.skip_cue, playing.pacing, playing.perturbations) == ("keep", 0.0, "sliding", ())
    assert (playing.session_kind, playing.subjects, playing.channels, playing.epoch_s) == (None, None, None, None)


def test_a_surrogate_of_another_part_under_this_name_is_refused(monkeypatch) -> None:
    shipped = parameters.shipped_surrogates()
    monkeypatch.setattr(parameters, "shipped_surrogates", lambda: {"myo_armband_tune": shipped["myo_armband_test"]})
    with pytest.raises(
        NeuroMotionError, match="'myo_armband_tune' was fitted to part 'test' of myo_armband, not to part"
    ):
        open_source(playing_for(load_decoder("emg_armband").spec))


def test_whole_trials_are_played_from_their_onset_by_default() -> None:
    spec = load_decoder("eeg_fists").spec
    paced = spec.model_copy(update={"pacing": "trial", "epoch_s": (1.0, 3.0)})
    playing = playing_for(paced)
    assert (playing.skip_cue, playing.pacing, playing.epoch_s) == (0.0, "trial", (1.0, 3.0))
    assert open_source(playing).provenance["pacing"] == "trial"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("emg_armband", {"ocular": "regress"}, "no ocular channels"),
        ("emg_armband", {"skip_cue": 1.0}, "no onset"),
        ("emg_armband", {"source": "radio"}, "'surrogate', 'replay'"),
        ("emg_armband", {"subjects": "Male0"}, "sequence of names"),
        ("eeg_fists", {"ocular": "remove"}, "'keep' or 'regress'"),
        ("eeg_fists", {"skip_cue": -1.0}, "from 0 to 60"),
        ("eeg_fists", {"skip_cue": "2"}, "from 0 to 60"),
        ("eeg_fists", {"skip_cue": float("nan")}, "from 0 to 60"),
        ("eeg_fists", {"skip_cue": True}, "from 0 to 60"),
        ("eeg_fists", {"skip_cue": 60}, "from 0 to 60"),
        ("eeg_fists", {"part": "rest"}, "part"),
        ("eeg_fists", {"subjects": []}, "subjects"),
    ],
)
def test_what_does_not_apply_is_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        playing_for(load_decoder(name).spec, **options)


def test_surrogates_of_another_kind_of_session_are_refused() -> None:
    options = {"dataset": "eegmmidb", "part": "test", "labels": ("rest",), "session_kind": "real"}
    assert Playing(source="replay", **options).session_kind == "real"
    with pytest.raises(NeuroMotionError, match="kind 'imagined', not 'real'"):
        Playing(source="surrogate", **options)


def test_real_people_are_replayed_from_the_table(data_root: Path) -> None:
    playing = Playing(
        source="replay",
        dataset="eegmmidb",
        part="test",
        subjects=("S036", "S037"),
        labels=("rest", "left_fist", "right_fist"),
        channels=("C3", "Cz", "C4"),
        ocular="regress",
        skip_cue=2.0,
    )
    source = open_source(playing, data_root)
    assert isinstance(source, ReplaySource)
    assert source.spec.channels == ("C3", "Cz", "C4")
    assert source.sessions == (("S036", "imagined"), ("S037", "imagined"))
    assert source.provenance["pieces_s"] == (1.0, 2.0)  # 4.1 s less the cue and the fade
    facts = ("kind", "dataset", "part", "split", "ocular", "onset", "session_kind", "unseen")
    assert {key: source.provenance[key] for key in facts} == {
        "session_kind": "imagined",
        "unseen": [],
        "kind": "replay",
        "dataset": "eegmmidb",
        "part": "test",
        "split": "subject",
        "ocular": "regress",
        "onset": "onset",
    }
    assert {key.run for key in source.trials} == {"8", "12"}
    (calibration,) = source.calibration(1)
    assert (calibration.subject, calibration.run, calibration.spec.channels) == ("S037", "4", ("C3", "Cz", "C4"))
    source.start(2)
    source.reset(np.arange(2), [np.random.default_rng(row) for row in range(2)], np.array([0, 1]))
    assert source.read(np.array([0, 1]), 480).shape == (2, 3, 480)


def test_a_data_set_with_one_kind_of_sessions_names_none_and_only_the_test_part_is_unseen(data_root: Path) -> None:
    options = {"source": "replay", "dataset": "myo_armband", "labels": ("neutral", "hand_close")}
    for part, people, unseen in (("tune", ("Male0",), []), ("test", ("Male0", "Male6"), ["Male6"])):
        source = open_source(Playing(part=part, subjects=people, **options), data_root)
        assert source.provenance["session_kind"] is None
        assert source.provenance["unseen"] == unseen
        assert source.provenance["licence"]


def test_a_perturbation_is_given_by_name_as_a_table_or_as_an_object() -> None:
    spec = load_decoder("emg_armband").spec
    one = Perturbation(name="lost_channels", options={"channels": ["emg_1"]})
    found = playing_for(spec, perturbations=[one, one.model_dump(), "lost_channels"]).perturbations
    assert found == (one, one, Perturbation(name="lost_channels"))
    with pytest.raises(NeuroMotionError, match="perturbations"):
        playing_for(spec, perturbations=[{"nam": "lost_channels"}])


def test_where_earlier_labels_are_read_a_replay_plays_sessions_that_have_some_before() -> None:
    spec = load_decoder("emg_armband_again").spec
    table = registry.dataset(spec.dataset).table
    kind = playing_for(spec, source="replay", after_labels=True).session_kind
    assert table.kind(kind).calibration == ("s1",)
    assert {run for runs in table.runs("all", kind).values() for run in runs} == {"s2", "s3"}
    for other in (playing_for(spec, source="replay"), playing_for(spec, after_labels=True)):
        assert other.session_kind is None


def test_the_earlier_session_is_the_calibration_run_and_is_not_played(data_root: Path) -> None:
    playing = playing_for(load_decoder("emg_armband_again").spec, source="replay", part="test", after_labels=True)
    source = open_source(playing.model_copy(update={"subjects": ("r19999",)}), data_root)
    assert list(source.sessions) == [("r19999", "s2"), ("r19999", "s3")]
    for number in range(2):
        (earlier,) = source.calibration(number)
        assert (earlier.subject, earlier.session) == ("r19999", "s1")
