"""Units: those of volts are converted, what is not known is asked for, a wrong one shows in the amplitude."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.readers import arrays, mne_files
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

RATE = 100


def _recording(scale: float, unit: str) -> Recording:
    samples = (scale * np.random.default_rng(0).standard_normal((2, 1000))).astype(np.float32)
    return Recording(samples, SignalSpec("emg", ("a", "b"), 100.0, unit), (Trial("left", 0, 500),), "d", "s")


@pytest.mark.parametrize(
    ("text", "volts"),
    [("uV", 1e-6), ("uv", 1e-6), ("UV", 1e-6), ("\u00b5V", 1e-6), ("\u00c2\u00b5V", 1e-6), ("mV", 1e-3), ("mv", 1e-3),
     ("V", 1.0), ("nV", 1e-9), ("microV", 1e-6)],
)  # fmt: skip
def test_every_spelling_in_an_edf_file_means_the_same(tmp_path, edf_noise, write_edf, text, volts) -> None:
    """MNE takes ``uv`` and ``nV`` for volts: 10⁶ and 10⁹ off."""
    pytest.importorskip("mne")
    signal = edf_noise("C3", 4, RATE, unit=text)
    path = write_edf(tmp_path / "x.edf", [signal, edf_noise("C4", 4, RATE)], [(1.0, 1.0, "go")])
    recording = mne_files.read(path, modality="eeg", channels=["C3"])
    assert recording.spec.unit == "V"
    np.testing.assert_allclose(recording.samples[0], np.concatenate(signal.codes) * volts, rtol=1e-5, atol=1e-9 * volts)


@pytest.mark.parametrize("text", ["", "raw", "degC"])
def test_a_unit_that_nobody_knows_is_asked_for(tmp_path, edf_noise, write_edf, text) -> None:
    pytest.importorskip("mne")
    signal = edf_noise("C3", 4, RATE, unit=text)
    path = write_edf(tmp_path / "x.edf", [signal], [(1.0, 1.0, "go")])
    with pytest.raises(NeuroMotionError, match=r"unit of channels C3 is not known.*Pass unit= \(for example unit='µV'"):
        mne_files.read(path, modality="eeg")
    recording = mne_files.read(path, modality="eeg", unit="uV")
    assert recording.spec.unit == "µV"
    np.testing.assert_allclose(recording.samples[0], np.concatenate(signal.codes), atol=1e-3)
    volts = recording.in_unit("V")
    np.testing.assert_allclose(volts.samples[0], np.concatenate(signal.codes) * 1e-6, atol=1e-9)


@pytest.mark.parametrize("text", ["uV", "uv", "\u00b5V", "mV", "nV"])
def test_the_unit_that_the_file_says_can_be_said_again(tmp_path, edf_noise, write_edf, text, recwarn) -> None:
    """MNE's volts called microvolts would be 10⁶ too small."""
    pytest.importorskip("mne")
    signal = edf_noise("C3", 4, RATE, unit=text)
    path = write_edf(tmp_path / "x.edf", [signal], [(1.0, 1.0, "go")])
    plain = mne_files.read(path, modality="eeg")
    recording = mne_files.read(path, modality="eeg", unit=text)
    np.testing.assert_allclose(recording.samples[0], np.concatenate(signal.codes), atol=1e-3)
    np.testing.assert_allclose(recording.in_unit("V").samples, plain.samples, rtol=1e-5, atol=1e-12)
    assert not [one for one in recwarn.list if "unit= says" in str(one.message)]


def test_another_unit_than_the_file_says_holds_and_is_said(tmp_path, edf_noise, write_edf) -> None:
    pytest.importorskip("mne")
    signal = edf_noise("C3", 4, RATE, unit="mV")
    path = write_edf(tmp_path / "x.edf", [signal], [(1.0, 1.0, "go")])
    with pytest.warns(NeuroMotionWarning, match=r"unit= says µV, and this is used; the file says C3 in mV"):
        recording = mne_files.read(path, modality="eeg", unit="uV")
    assert recording.spec.unit == "µV"
    np.testing.assert_allclose(recording.samples[0], np.concatenate(signal.codes), atol=1e-3)


def test_temperature_beside_eeg_is_left_out_and_said(tmp_path, edf_noise, write_edf) -> None:
    pytest.importorskip("mne")
    signals = [edf_noise("C3", 4, RATE), edf_noise("Temp", 4, RATE, unit="degC")]
    path = write_edf(tmp_path / "x.edf", signals, [(1.0, 1.0, "go")])
    with pytest.warns(NeuroMotionWarning, match=r"channels that are not in volts are left out \(1: Temp\)"):
        assert mne_files.read(path, modality="eeg").spec.channels == ("C3",)


def test_an_object_whose_file_did_not_say_the_unit_asks_for_it(tmp_path, edf_noise, write_edf) -> None:
    mne = pytest.importorskip("mne")
    path = write_edf(tmp_path / "x.edf", [edf_noise("C3", 4, RATE, unit="")], [(1.0, 1.0, "go")])
    raw = mne.io.read_raw_edf(path, preload=True, verbose="ERROR")
    with pytest.raises(NeuroMotionError, match="unit of channels C3 is not known"):
        Recording.from_mne(raw, modality="eeg")
    assert Recording.from_mne(raw, modality="eeg", unit="count").spec.unit == "count"


def test_microvolts_in_an_object_of_volts_are_said() -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.RawArray(np.random.default_rng(0).normal(0, 30, (1, 500)), mne.create_info(1, 100.0, "eeg"))
    raw.set_annotations(mne.Annotations([1.0], [1.0], ["go"]))
    with pytest.warns(NeuroMotionWarning, match=r"amplitude is too large.*unit= \(1: standard deviation 30\.\d V\)"):
        Recording.from_mne(raw, modality="eeg")


@pytest.mark.parametrize("unit", ["", "n/a"])
def test_an_archive_without_a_unit_is_refused_until_it_is_said(tmp_path, unit) -> None:
    arrays.write(_recording(10, "µV"), tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        content = {**archive, "unit": np.array(unit)}
    np.savez(tmp_path / "x.npz", **content)
    with pytest.raises(NeuroMotionError, match="unit of the samples is not known; say it with unit="):
        arrays.read(tmp_path / "x.npz")
    assert arrays.read(tmp_path / "x.npz", unit="uv").spec.unit == "µV"


@pytest.mark.parametrize(("given", "by"), [("µV", 1e-6), ("uv", 1e-6), ("mV", 1e-3), ("V", 1.0), ("nV", 1e-9)])
def test_a_decoder_in_volts_reads_every_unit_of_volts(tiny, given, by) -> None:
    recording = _recording(10.0, given)
    read = fitted(recording, tiny.spec())
    assert read.spec.unit == "V"
    np.testing.assert_allclose(read.samples, recording.samples * by, rtol=1e-6)
    back = fitted(read, tiny.spec(unit="uV"))
    np.testing.assert_allclose(back.samples, recording.samples * (by / 1e-6), rtol=1e-5)


def test_counts_are_no_volts(tiny) -> None:
    with pytest.raises(NeuroMotionError, match="unit 'count' instead of 'V'.* with unit="):
        fitted(_recording(10.0, "counts"), tiny.spec())


def test_a_source_in_microvolts_is_played_in_volts(tiny_folder, make_sessions) -> None:
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.envs.stream import Stream
    from neuromotion_gym.signals.sources.replay import ReplaySource

    decoder = OnnxDecoder(tiny_folder)
    windows = {}
    for unit, size in (("V", 1e-5), ("µV", 10.0)):
        recording = _recording(size, unit)
        trials = (Trial("left", 0, 500), Trial("right", 500, 1000))
        session = make_sessions(1)[0]
        played = replace(session, recordings=(replace(recording, trials=trials),), calibration=())
        stream = Stream(ReplaySource([played], ("left", "right")), decoder, 0.05, None, 10.0, 2)
        stream.reset(np.arange(2), [np.random.default_rng(row) for row in range(2)])
        for _ in range(5):
            stream.step(np.array([0, 1]))
        windows[unit] = stream.window()
        stream.close()
    np.testing.assert_allclose(windows["µV"], windows["V"], rtol=1e-5)
    assert 1e-6 < np.abs(windows["V"]).max() < 1e-4


class TestScale:
    """A recipe states the amplitude of its training data: 10 µV here."""

    @pytest.fixture
    def spec(self, tiny):
        return tiny.spec(scale=1e-5, window=50)

    def test_the_same_amplitude_is_silent(self, spec, recwarn) -> None:
        fitted(_recording(10.0, "µV"), spec)
        fitted(_recording(1e-5 * 4, "V"), spec)
        assert not recwarn.list

    @pytest.mark.parametrize("times", [6.0, 1 / 6, 25.0, 1 / 25])
    def test_five_times_is_warned_about_with_both_figures(self, spec, times) -> None:
        with pytest.warns(NeuroMotionWarning, match=r"amplitude of \S+ V, .* 1e-05 V that decoder 'tiny'") as said:
            fitted(_recording(1e-5 * times, "V"), spec)
        given = float(str(said[0].message).split("amplitude of ")[1].split(" V")[0])
        assert given == pytest.approx(1e-5 * times, rel=0.05)

    @pytest.mark.parametrize(("size", "unit"), [(10.0, "V"), (10.0, "mV"), (10.0, "nV"), (1e-5, "µV")])
    def test_thirty_times_is_refused_with_both_figures(self, spec, size, unit) -> None:
        """Microvolts declared as volts, and the like."""
        with pytest.raises(NeuroMotionError, match=r"an amplitude of \S+ V, far .* the 1e-05 V that decoder 'tiny'"):
            fitted(_recording(size, unit), spec)

    def test_counts_divided_by_their_range_are_refused(self, tiny) -> None:
        spec = tiny.spec(unit="count", scale=9.5, window=50)
        fitted(_recording(10.0, "count"), spec)
        with pytest.raises(NeuroMotionError, match=r"amplitude of 0\.07\d+ count, far less than the 9\.5 count"):
            fitted(_recording(10.0 / 128, "count"), spec)

    def test_an_offset_and_a_long_rest_do_not_count(self, spec, recwarn) -> None:
        recording = _recording(1e-5, "V")
        rested = recording.samples.copy()
        rested[:, 100:] *= 0.01
        trials = (Trial("left", 0, 100), Trial("rest", 100, 1000))
        fitted(replace(recording, samples=rested + np.float32(0.1), trials=trials), spec)
        assert not recwarn.list

    def test_windows_last_as_long_at_another_rate(self, spec) -> None:
        """A drift over a minute shows in long windows alone; the decoder's last half a second."""
        recording = _recording(1e-5, "V")
        drift = 2e-4 * np.sin(2 * np.pi * np.arange(1000) / 12_000 * 6)
        faster = replace(recording.spec, rate_hz=200.0)
        drifting = replace(recording, samples=recording.samples + drift.astype(np.float32), spec=faster)
        with pytest.warns(NeuroMotionWarning) as said:
            fitted(replace(drifting, trials=()), spec, resample=True)
        assert [str(one.message).split(" is ")[1][:9] for one in said] == ["resampled"]

    def test_a_source_is_refused_on_its_first_windows(self, tiny_folder, make_sessions) -> None:
        from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
        from neuromotion_gym.envs.stream import Stream
        from neuromotion_gym.signals.sources.replay import ReplaySource

        recipe = tiny_folder / "recipe.yaml"
        recipe.write_text(recipe.read_text().replace("unit: V", "unit: V\n  scale: 1.0e-5"))
        decoder = OnnxDecoder(tiny_folder)
        trials = (Trial("left", 0, 500), Trial("right", 500, 1000))

        def begin(size: float) -> None:
            played = replace(_recording(size, "V"), trials=trials)
            session = replace(make_sessions(1)[0], recordings=(played,), calibration=())
            stream = Stream(ReplaySource([session], ("left", "right")), decoder, 0.05, None, 10.0, 4)
            stream.reset(np.arange(4), [np.random.default_rng(row) for row in range(4)])

        begin(20e-5)
        begin(1e-5 / 100)  # the first windows may hold rest
        for size, word in ((10.0, "more"), (1e-8, "less")):
            with pytest.raises(NeuroMotionError, match=rf"The source has an amplitude of \S+ V, far {word}"):
                begin(size)


def test_every_shipped_recipe_states_its_scale() -> None:
    from neuromotion_gym.decoders.folders import list_decoders
    from neuromotion_gym.decoders.zoo import load_decoder

    scales = {name: load_decoder(name).spec.scale for name in list_decoders()}
    assert all(scale is not None for scale in scales.values()), scales
