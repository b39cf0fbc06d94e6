"""One's own recordings in the loop: what is played is named, and what does not apply is refused."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.eegmmidb.reader import channel_names
from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.preprocessing import fit_ocular
from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial


def make(source: object, decoder: object = "emg_armband", **options: object):
    return gym.make("NeuroArm-v0", decoder=decoder, source=source, level="easy", **options)


def about(source: object, decoder: object = "emg_armband", **options: object) -> dict:
    env = make(source, decoder, **options)
    _, info = env.reset(seed=0)
    env.close()
    return info["about"]


def test_recordings_are_played_and_named_person_by_person(band) -> None:
    recordings = [band("P1", run="1"), band("P2", run="1"), band("P2", run="2")]
    told = about(recordings)
    assert told["played"] == {"P1": ["a/1"], "P2": ["a/1", "a/2"]}
    assert (told["recordings"], told["dataset"], told["people"]) == ("3 recordings", "user", 2)
    assert (told["split"], told["seen_by_decoder"]) == ("subject", {})
    assert told["pieces_s"] == (0.3, 0.7)  # those of the modality
    playing = told["playing"]
    assert (playing["source"], playing["part"]) == ("recordings", None)
    assert playing["recordings"]["digest"] != about([*recordings, band("P3")])["playing"]["recordings"]["digest"]


def test_the_samples_that_arrive_are_those_of_the_recording(band) -> None:
    recording = band()
    env = make(recording, observe="signal")
    observation, _ = env.reset(seed=0)
    steps = [observation["signal"]]
    for _ in range(5):
        steps.append(env.step(np.zeros(env.action_space.shape, np.float32))[0]["signal"])
    env.close()
    values = set(np.unique(recording.samples))
    assert all(value in values for value in np.unique(steps[0][:, -10:]))  # whole counts, outside the cross-fades


@pytest.mark.parametrize("form", ["file", "folder", "text", "session"])
def test_a_file_a_folder_and_sessions_are_played_like_objects(band, form: str, tmp_path) -> None:
    from neuromotion_gym.datasets.own import own_sessions

    recording = band()
    folder = tmp_path / "mine"
    folder.mkdir()
    arrays.write(recording, folder / "one.npz")
    path = folder / "one.npz"
    source = {"file": path, "folder": folder, "text": str(path), "session": own_sessions([recording])}[form]
    told = about(source)
    assert told["played"] == {"P1": ["a/1"]}
    assert told["playing"]["recordings"]["digest"] == about(recording)["playing"]["recordings"]["digest"]
    if form != "session":
        assert told["recordings"] == {"folder": "mine"}.get(form, "one.npz")  # no folders, which may name people


def test_people_are_chosen_by_name(band) -> None:
    recordings = [band("P1"), band("P2")]
    assert about(recordings, subjects=["P2"])["played"] == {"P2": ["a/1"]}
    with pytest.raises(NeuroMotionError, match="no recordings of P9; its people: P1, P2"):
        make(recordings, subjects=["P9"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "test"}, "part belong to a data set"),
        ({"data_root": "."}, "data_root belong to a data set"),
        ({"ocular": "regress"}, "no ocular channels"),
        ({"skip_cue": 1.0}, "no onset"),
        ({"reading": {"nonsense": 1}}, "nonsense"),
        ({"reading": {"unit": "V"}}, "unit|count"),
        ({"perturbations": ["nothing"]}, "No perturbation is called 'nothing'"),
    ],
)
def test_what_does_not_apply_is_refused(band, options: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        make(band(), **options)


def test_a_reading_belongs_to_recordings_and_a_source_is_something_known() -> None:
    with pytest.raises(NeuroMotionError, match="reading says how recordings of your own are read"):
        make("surrogate", reading={"unit": "V"})
    with pytest.raises(NeuroMotionError, match="'surrogate', 'replay', a file or folder"):
        make("no_such_file.edf")


def test_a_folder_of_data_sets_belongs_to_replay(tmp_path) -> None:
    with pytest.raises(
        NeuroMotionError, match="data_root says where recordings are read; source='surrogate' reads none"
    ):
        make("surrogate", data_root=tmp_path)


def test_a_perturbation_changes_own_recordings_too(band) -> None:
    lost = [{"name": "lost_channels", "options": {"channels": ["emg_1"]}}]
    env = make(band(), observe="signal", perturbations=lost)
    observation, info = env.reset(seed=0)
    env.close()
    assert not observation["signal"][0].any()
    assert observation["signal"][1:].any()
    assert info["about"]["playing"]["perturbations"] == lost


def test_another_rate_is_refused_or_resampled_with_a_warning(band) -> None:
    slow = band().resampled(100.0)
    with pytest.raises(NeuroMotionError, match="resample=True"):
        make(slow)
    with pytest.warns(NeuroMotionWarning, match="resampled"):
        told = about(slow, resample=True)
    assert told["playing"]["recordings"]["rate_hz"] == 200.0


def test_a_decoder_that_calibrates_takes_the_first_run_and_never_plays_it(band) -> None:
    recordings = [band(run=run, seconds=1.5) for run in ("1", "2")]
    with pytest.warns(NeuroMotionWarning, match="Calibration runs are not named"):
        told = about(recordings, "emg_armband_calibrated")
    assert (told["calibration"], told["played"]) == ({"P1": ["a/1"]}, {"P1": ["a/2"]})
    told = about(recordings, "emg_armband_calibrated", reading={"calibration": {"run": "2"}})
    assert (told["calibration"], told["played"]) == ({"P1": ["a/2"]}, {"P1": ["a/1"]})


def eeg(runs: tuple[str, ...] = ("1", "2"), trial_s: float = 4.1) -> list[Recording]:
    """Recordings of 64 electrodes, whose trials begin at an onset."""
    spec = load_decoder("eeg_fists").spec
    generator = np.random.default_rng(0)
    length = round(trial_s * spec.rate_hz)
    labels = spec.labels * 3
    found = []
    for run in runs:
        samples = generator.normal(scale=2e-5, size=(64, length * len(labels))).astype(np.float32)
        trials = tuple(Trial(label, i * length, (i + 1) * length) for i, label in enumerate(labels))
        signal = SignalSpec(spec.modality, channel_names(), spec.rate_hz, spec.unit)
        found.append(Recording(samples, signal, trials, "user", "P1", "a", run))
    return found


def test_eyes_are_regressed_out_as_the_decoder_was_trained_and_the_cue_is_left_out() -> None:
    recordings = eeg()
    env = make(recordings, "eeg_fists", reading={"calibration": {"run": "1"}}, observe="signal")
    observation, info = env.reset(seed=0)
    env.close()
    told, spec = info["about"], load_decoder("eeg_fists").spec
    assert (told["ocular"], told["skip_cue"], told["calibration"]) == ("regress", 2.0, {"P1": ["a/1"]})
    matrix = fit_ocular(recordings[:1], registry.dataset("eegmmidb").ocular_channels)
    expected = recordings[1].transformed(matrix).pick(spec.channels).samples
    last = observation["signal"][:, -1:]
    assert np.abs(expected - last).max(axis=0).min() < 1e-9  # one moment of the second run without the eyes
    assert np.abs(recordings[1].pick(spec.channels).samples - last).max(axis=0).min() > 1e-6
    options = {"reading": {"calibration": {"run": "1"}}, "ocular": "keep", "skip_cue": 0.0}
    kept = about(recordings, "eeg_fists", **options)
    assert (kept["ocular"], kept["skip_cue"], kept["played"]) == ("keep", 0.0, {"P1": ["a/2"]})


def test_channels_that_are_no_electrodes_stay_out_of_the_average_reference() -> None:
    recordings, spec = eeg(), load_decoder("eeg_fists").spec
    names = registry.dataset("eegmmidb").ocular_channels
    more = []
    for one in recordings:
        trigger = 5.0 * np.arange(one.samples.shape[1], dtype=np.float32)[None]
        signal = replace(one.spec, channels=(*one.spec.channels, "ECG"))
        more.append(replace(one, samples=np.vstack([one.samples, trigger]), spec=signal))
    reading = {"calibration": {"run": "1"}, "ocular_channels": names}
    plain = OwnRecordings.read(recordings, reading, spec)
    with pytest.warns(NeuroMotionWarning, match="Channels ECG of user P1, .* no electrodes by their names"):
        other = OwnRecordings.read(more, reading, spec)
    assert other == plain
    with_map = OwnRecordings.read(more, {**reading, "channels": {"ECG": "ECG"}}, spec)
    assert "ECG" in with_map.sessions[0].recordings[0].spec.channels


def fitted_to(recordings: list[Recording], folder, **changes: object):
    """A decoder that says that it was fitted on ``recordings``."""
    shutil.copytree(decoder_folder("emg_armband"), folder)
    people = tuple(sorted({one.subject for one in recordings}))
    runs = {person: tuple(one.run for one in recordings if one.subject == person) for person in people}
    prints = fingerprints_of(recordings).to_json()
    record = FittedOn(dataset="user", people=people, runs=runs, fingerprints=prints)
    write_fitted_on(folder, record.model_copy(update=changes))
    return folder


def test_playing_what_a_decoder_was_fitted_on_warns_even_under_another_name(band, tmp_path) -> None:
    known, other = band("P1", seconds=2.0), band("P2", seconds=2.0)
    decoder = fitted_to([known], tmp_path / "mine")
    renamed = replace(known, subject="P7", run="9")
    with pytest.warns(NeuroMotionWarning, match=r"fitted on what is played \(P7: a/9\)"):
        told = about([renamed, other], decoder)
    assert (told["seen_by_decoder"], told["split"]) == ({"P7": ["a/9"]}, "none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = about(other, decoder)
    assert (told["seen_by_decoder"], told["split"]) == ({}, "subject")
    # the same names as the fitted run's are no proof: the samples are others
    same_names = replace(other, subject="P1", run="1")
    assert about(same_names, decoder)["split"] == "run"


def test_a_recording_that_is_too_short_for_fingerprints_is_known_by_its_name(band, tmp_path) -> None:
    known = band("P1", seconds=0.5, repetitions=1)  # 3.5 s
    decoder = fitted_to([known], tmp_path / "mine")
    with pytest.warns(NeuroMotionWarning, match=r"fitted on what is played \(P1: a/1\)"):
        assert about(known, decoder)["split"] == "none"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert about(replace(known, session="b"), decoder)["split"] == "run"
        nameless = about(replace(known, subject="0"), decoder)
    assert (nameless["seen_by_decoder"], nameless["split"]) == ({}, "not known")


def test_a_decoder_that_does_not_say_what_it_was_fitted_on_is_not_known(band, tmp_path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder, ignore=shutil.ignore_patterns("fitted_on.json"))
    told = about(band(), folder)
    assert (told["fitted_on"], told["split"]) == ("not known", "not known")


def test_a_person_whose_calibration_run_a_decoder_was_fitted_on_is_no_new_person(band, tmp_path) -> None:
    known, later = band("P1", run="1", seconds=2.0), band("P1", run="2", seconds=2.0)
    decoder = fitted_to([known], tmp_path / "mine")
    recordings = [replace(known, subject="P9"), replace(later, subject="P9")]
    with pytest.warns(NeuroMotionWarning, match="other recordings of P9, under another name"):
        told = about(recordings, decoder, reading={"calibration": {"run": "1"}})
    assert (told["seen_by_decoder"], told["split"], told["played"]) == ({}, "run", {"P9": ["a/2"]})


def test_other_recordings_than_those_that_are_described_are_not_played(band) -> None:
    from neuromotion_gym.datasets.playing import open_source, playing_for
    from neuromotion_gym.datasets.recorded import OwnRecordings

    spec = load_decoder("emg_armband").spec
    backwards = replace(band(), samples=np.ascontiguousarray(band().samples[:, ::-1]))
    own, other = (OwnRecordings.read(one, None, spec) for one in (band(), backwards))
    playing = playing_for(spec, source="recordings", own=own)
    assert open_source(playing, own=own).sessions == (("P1", "a"),)
    for wrong in (other, None):
        with pytest.raises(NeuroMotionError, match="their samples differ"):
            open_source(playing, own=wrong)
    assert own == OwnRecordings.read(band("P1"), None, spec)
    assert own != other


class TestSessions:
    """A session says itself what is played and what calibrates."""

    def read(self, session: Session, **reading: object) -> OwnRecordings:
        return OwnRecordings.read(session, reading, load_decoder("emg_armband").spec)

    @pytest.mark.parametrize("field", ["play", "calibration"])
    def test_a_reading_cannot_say_it_again(self, band, field: str) -> None:
        session = Session("user", "P1", "a", (band(run="1"), band(run="2")))
        with pytest.raises(NeuroMotionError, match=f"A Session says itself .* so {field} in the reading cannot"):
            self.read(session, **{field: {"run": ["1"]}})

    def test_what_calibrates_is_not_played_under_usual_names(self, band) -> None:
        one, two = (replace(band(run=run), session="0", run="0") for run in "12")
        with pytest.raises(NeuroMotionError, match=r"run 1 has the same samples as the calibration run user P1"):
            self.read(Session("user", "P1", "0", (one, two), (one,)))
        apart = self.read(Session("user", "P1", "0", (one,), (two,)))
        assert np.array_equal(apart.sessions[0].calibration[0].samples, two.samples)

    def test_a_part_of_a_run_that_is_played_does_not_calibrate(self, band) -> None:
        whole = band(run="1")
        part = replace(whole, samples=whole.samples[:, :100], trials=())
        with pytest.raises(NeuroMotionError, match=r"share 0\.00 to 0\.50 s of user P1, session a, run 1"):
            self.read(Session("user", "P1", "a", (whole,), (part,)))


def test_a_folder_that_is_called_as_a_source_of_the_library_is_told_apart(band, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surrogate").mkdir()
    arrays.write(band("P1"), tmp_path / "surrogate" / "a.npz")
    with pytest.warns(NeuroMotionWarning, match=r"plays the data set, and there is .*; write '\./surrogate' for that"):
        assert about("surrogate")["dataset"] == "myo_armband"
    assert about("./surrogate")["recordings"] == "surrogate"
