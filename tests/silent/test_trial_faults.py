"""Trials and samples that cannot be meant: counted and named in one line, refused with strict=True."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.readers import arrays, mne_files
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.signals.sample_faults import clipped_share
from neuromotion_gym.signals.stretches import Faults, Stretch, sound_stretches

mne = pytest.importorskip("mne")


def _raw(marks: list[tuple[float, float, str]], samples: np.ndarray | None = None) -> object:
    if samples is None:
        samples = np.random.default_rng(0).normal(0, 1e-5, (2, 1000))
    raw = mne.io.RawArray(samples, mne.create_info(["C3", "C4"], 100.0, "eeg"), verbose="ERROR")
    if marks:
        raw.set_annotations(mne.Annotations(*zip(*marks, strict=True)))
    return raw


FAULTS = {
    "duplicate": ([(3, 1, "go"), (3, 1, "go")], ["go 300"], "repeated trials are counted once (1: go at sample 300)"),
    "two labels": ([(3, 1, "left"), (3, 1, "right")], [], "same samples and different labels are left out (2: left at"),
    "sharing": ([(3, 1, "left"), (3.5, 1, "up")], ["left 300", "up 350"], "share samples (1: left and up at 350)"),
    "bad": (
        [(3, 1, "go"), (3.5, 0.1, "BAD blink")],
        [],
        "trials in bad spans or across gaps are left out (1: go at",
    ),
    "bad, lower case": ([(3, 1, "go"), (2, 1.5, "bad")], [], "in bad spans or across gaps are left out (1: go at"),
    "acquisition": ([(3, 1, "go"), (3.9, 0.5, "BAD_ACQ_SKIP")], [], "across gaps are left out (1: go at sample 300)"),
    "edge": ([(3, 1, "go"), (3.5, 0, "EDGE boundary")], [], "across gaps are left out (1: go at sample 300)"),
    "edge at its start": ([(3, 1, "go"), (3, 0, "EDGE boundary"), (4, 0, "EDGE boundary")], ["go 300"], None),
}


@pytest.mark.parametrize(("marks", "kept", "said"), FAULTS.values(), ids=FAULTS)
def test_annotations(marks, kept, said, recwarn) -> None:
    raw = _raw([(1, 1, "rest"), *marks])
    recording = Recording.from_mne(raw, modality="eeg")
    assert [f"{trial.label} {trial.start}" for trial in recording.trials] == ["rest 100", *kept]
    if said is None:
        assert not recwarn.list
        Recording.from_mne(raw, modality="eeg", strict=True)
        return
    (warning,) = recwarn.list
    assert said in str(warning.message)
    assert warning.filename == __file__
    with pytest.raises(NeuroMotionError, match="With strict=True a recording has to be without faults"):
        Recording.from_mne(raw, modality="eeg", strict=True)


def test_bad_spans_of_other_channels_do_not_count(recwarn) -> None:
    raw = _raw([])
    marks = mne.Annotations([3, 3.5], [1, 0.1], ["go", "BAD"], ch_names=[(), ("C4",)])
    raw.set_annotations(marks)
    assert len(Recording.from_mne(raw, modality="eeg", channels=["C3"]).trials) == 1
    assert not recwarn.list
    with pytest.raises(NeuroMotionError, match=r"no trial that can be used: trials in bad spans"):
        Recording.from_mne(raw, modality="eeg")


def test_bad_spans_are_kept_and_nothing_is_learned_from_them() -> None:
    recording = Recording.from_mne(_raw([(1, 1, "rest"), (3, 1, "BAD blink"), (6, 0, "EDGE")]), modality="eeg")
    assert recording.bad_spans == ((300, 400), (600, 600))
    assert recording.good_samples().sum() == 900
    assert recording.resampled(50).bad_spans == ((150, 200), (300, 300))
    with pytest.raises(NeuroMotionError, match="overlap the bad span or gap from 300 to 400"):
        Recording(recording.samples, recording.spec, (Trial("go", 350, 360),), "d", "s", bad_spans=recording.bad_spans)


def test_an_artefact_in_a_bad_span_does_not_move_the_alignment(tiny) -> None:
    from neuromotion_gym.decoders.alignment import euclidean_alignment

    band = {"kind": "euclidean", "band_hz": [8, 30], "shape": [2, 2]}
    spec = tiny.spec(modality="eeg", channels=["C3", "C4"], adaptation=band)
    samples = np.random.default_rng(0).normal(0, 1e-5, (2, 1000))
    spoiled = samples.copy()
    spoiled[:, 400:450] += 1e-2 * np.sin(np.arange(50))
    marks = [(1, 1, "rest"), (3.9, 5, "BAD")]
    clean, dirty = (Recording.from_mne(_raw(marks, one), modality="eeg") for one in (samples, spoiled))
    expected = euclidean_alignment([clean], spec)
    np.testing.assert_allclose(euclidean_alignment([dirty], spec), expected, rtol=1e-4)


def test_an_artefact_in_a_bad_span_does_not_move_the_ocular_regression() -> None:
    from neuromotion_gym.signals.preprocessing import fit_ocular

    samples = np.random.default_rng(0).normal(0, 1e-5, (3, 6000))
    spoiled = samples.copy()
    spoiled[0, 4500:4600] += 1e-2
    found = []
    for one in (samples, spoiled):
        raw = mne.io.RawArray(one, mne.create_info(["Fp1", "C3", "C4"], 100.0, "eeg"), verbose="ERROR")
        raw.set_annotations(mne.Annotations([1, 35], [1, 25], ["rest", "BAD"]))
        recording = Recording.from_mne(raw, modality="eeg")
        found.append(fit_ocular([recording], ["Fp1"]))
    np.testing.assert_allclose(found[1], found[0], atol=0.02)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (995, "trials that continue after the last sample are shortened (1: 1 at sample 995)"),
        (1000, "trials that begin after the last sample are left out (1: 1 at sample 1000)"),
        (-5, "trials that begin before the first sample are left out (1: 1 at sample -5)"),
    ],
)
def test_events_outside_the_samples(event, said, recwarn) -> None:
    raw = _raw([])
    recording = Recording.from_mne(raw, modality="eeg", trial_s=1.0, events=[[100, 0, 1], [event, 0, 1]])
    assert [(trial.start, trial.stop) for trial in recording.trials] == [(100, 200), (995, 1000)][: 1 + (event == 995)]
    (warning,) = recwarn.list
    assert said in str(warning.message)


def test_annotations_outside_an_edf_file_are_said(tmp_path, edf_noise, write_edf) -> None:
    marks = [(1, 1, "go"), (3.5, 2, "late"), (9, 1, "after"), (-2, 1, "before")]
    path = write_edf(tmp_path / "x.edf", [edf_noise("C3", 4, 100)], marks)
    with pytest.warns(NeuroMotionWarning) as said:
        recording = mne_files.read(path, modality="eeg")
    (text,) = [str(one.message) for one in said]
    assert [(trial.label, trial.start, trial.stop) for trial in recording.trials] == [
        ("go", 100, 200),
        ("late", 350, 400),
    ]
    assert text.startswith(f"{path}: ")
    assert "Omitted 2 annotation(s) that were outside data range" in text
    assert "Limited 1 annotation(s)" in text


def test_every_fault_is_counted_and_three_are_named() -> None:
    faults = Faults()
    stretches = [Stretch("go", 2000 + i, 2100 + i) for i in range(7)]
    assert sound_stretches(stretches, 1000, [], faults) == ()
    assert faults.text() == (
        "trials that begin after the last sample are left out (7: go at sample 2000, go at sample 2001, go at sample "
        "2002 and 4 more)"
    )


@pytest.mark.parametrize(
    ("stretches", "kept", "said"),
    [
        ([("a", 900, 1100), ("a", 900, 1100)], [("a", 900, 1000)], "repeated trials are counted once (1: a at"),
        ([("a", 900, 1100), ("a", 900, 1200)], [("a", 900, 1000)], "repeated trials are counted once (1: a at"),
        ([("a", 900, 1100), ("b", 900, 1200)], [], "trials with the same samples and different labels are left out (2"),
        (
            [("a", 0, 1000), ("a", 100, 200), ("b", 300, 400)],
            [("a", 0, 1000), ("a", 100, 200), ("b", 300, 400)],
            "trials with different labels share samples (1: a and b at 300)",
        ),
    ],
)
def test_trials_are_compared_as_they_are_kept_and_with_all_others(stretches, kept, said) -> None:
    faults = Faults()
    found = sound_stretches([Stretch(*one) for one in stretches], 1000, [], faults)
    assert [one[:3] for one in found] == kept
    assert said in faults.text()


def test_archives_are_checked_too(tmp_path) -> None:
    samples = np.random.default_rng(0).normal(0, 10, (1, 1000)).astype(np.float32)
    trials = (Trial("a", 0, 100), Trial("a", 0, 100), Trial("b", 200, 300), Trial("c", 200, 300))
    arrays.write(Recording(samples, SignalSpec("emg", ("x",), 100.0, "count"), trials, "d", "s"), tmp_path / "x.npz")
    with pytest.warns(NeuroMotionWarning, match="different labels are left out .2: b .*; repeated|repeated.*; trials"):
        assert arrays.read(tmp_path / "x.npz").trials == (Trial("a", 0, 100),)
    with pytest.raises(NeuroMotionError, match="repeated trials"):
        arrays.read(tmp_path / "x.npz", strict=True)


class TestSamples:
    def test_half_the_samples_clipped(self) -> None:
        samples = np.random.default_rng(0).normal(0, 1e-5, (2, 1000))
        samples[1] = np.clip(samples[1], -0.7e-5, 0.7e-5)
        with pytest.warns(NeuroMotionWarning, match=r"channels are clipped \(1: C4 in (4[6-9]|5[0-2]) % of its"):
            Recording.from_mne(_raw([(1, 1, "go")], samples), modality="eeg")
        with pytest.raises(NeuroMotionError, match="channels are clipped"):
            Recording.from_mne(_raw([(1, 1, "go")], samples), modality="eeg", strict=True)

    @pytest.mark.parametrize("deviation", [0.3, 0.35, 0.5, 1.0, 2.0, 30.0])
    def test_few_whole_numbers_are_not_clipped(self, deviation) -> None:
        """A quiet electrode of an armband gives -1, 0 and 1."""
        quiet = np.random.default_rng(0).normal(0, deviation, 4000).round()
        assert clipped_share(quiet) < 0.01

    @pytest.mark.parametrize("limit", [0.5, 1.0, 1.5])
    def test_the_share_is_that_of_the_samples_at_the_limits(self, limit) -> None:
        signal = np.random.default_rng(0).normal(0, 1, 10_000)
        assert clipped_share(np.clip(signal, -limit, limit)) == pytest.approx((np.abs(signal) >= limit).mean())
        assert clipped_share(np.clip(signal, -9, limit)) == pytest.approx((signal >= limit).mean())

    def test_a_constant_channel_is_not_counted_here(self) -> None:
        assert clipped_share(np.ones(100)) == 0

    @pytest.mark.parametrize("header", [{"digital": (7, 7)}, {"physical": (0, 0)}])
    def test_a_signal_without_a_scale(self, tmp_path, edf_noise, write_edf, header) -> None:
        signals = [edf_noise("C3", 4, 100), edf_noise("C4", 4, 100, **header)]
        path = write_edf(tmp_path / "x.edf", signals, [(1, 1, "go")])
        with pytest.warns(NeuroMotionWarning, match=r"minimum and maximum are the same are left out, .*\(1: C4\)"):
            assert mne_files.read(path, modality="eeg").spec.channels == ("C3",)
        assert mne_files.read(path, modality="eeg", channels=["C3"]).spec.channels == ("C3",)
        with pytest.raises(NeuroMotionError, match=r"x.edf: channels C4 have no scale: minimum and"):
            mne_files.read(path, modality="eeg", channels=["C3", "C4"])
