"""The surrogate: its fit finds what made the recordings, its file holds, its source keeps the rules of sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.signals.surrogate import SurrogateSource, register_surrogate, shipped_surrogates
from neuromotion_gym.signals.surrogate.fit import fit_surrogate
from neuromotion_gym.signals.surrogate.models import Device, SurrogateModel
from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters
from neuromotion_gym.signals.surrogate.tape import TapeSynthesis

RATE = 160.0
LABELS = ("rest", "left", "right")
CHANNELS = ("a", "b", "c", "d", "e", "f")
MODEL = SurrogateModel(
    "toy", (0, 4, 8, 13, 30, 80), "label", frames=4, groups=3, patterns=2, parts=2, modes=3, noise="tape"
)


def _session(subject: str, seed: int, trials: int = 10) -> Session:
    """Label "left" doubles channel b at 8 to 13 Hz, "right" channel c; every third trial is three times as loud."""
    from scipy.signal import butter, sosfilt

    generator = np.random.default_rng(seed)
    spec = SignalSpec("eeg", CHANNELS, RATE, "V")
    length = 656
    alpha = butter(3, (8, 13), "bandpass", fs=RATE, output="sos")

    def recording(run: str, count: int) -> Recording:
        pieces, marks = [], []
        for trial in range(count):
            label = LABELS[trial % 3]
            x = generator.standard_normal((6, length))
            x[1] += x[0]
            loud = sosfilt(alpha, generator.standard_normal((6, length)), axis=1) * 3
            loud[1] *= 2.0 if label == "left" else 1.0
            loud[2] *= 2.0 if label == "right" else 1.0
            slow = np.exp(-np.arange(length) / RATE) * {"rest": 0.0, "left": -5.0, "right": 5.0}[label]
            pieces.append(
                (x + loud) * (3.0 if trial // 3 % 3 == 0 else 1.0) + slow * np.array([[1], [0], [0], [0], [0], [-1]])
            )
            marks.append(Trial(label, trial * length, (trial + 1) * length))
        return Recording(
            (np.concatenate(pieces, 1) * 1e-6).astype(np.float32), spec, tuple(marks), "toy", subject, run=run
        )

    return Session("toy", subject, "0", (recording("8", trials * 3),), (recording("4", 9),))


@pytest.fixture(scope="module")
def parameters() -> SurrogateParameters:
    return fit_surrogate(
        [_session("P1", 1), _session("P2", 2)],
        LABELS,
        model=MODEL,
        part="tune",
        device=Device(ocular_channels=("a", "f")),
    )


def _played(source: SurrogateSource, seeds: list[int], labels: np.ndarray, n_samples: int = 8) -> np.ndarray:
    """Samples (rows, channels, time) for labels of shape (rows, steps)."""
    rows = len(seeds)
    source.start(rows)
    source.reset(np.arange(rows), [np.random.default_rng(seed) for seed in seeds])
    return np.concatenate([source.read(step, n_samples) for step in labels.T], axis=2)


def test_row_of_a_batch_equals_a_batch_of_one(parameters):
    source = SurrogateSource(parameters, ocular="regress", skip_cue=1.0)
    labels = np.random.default_rng(0).integers(3, size=(5, 3)).repeat(100, axis=1)
    batch = _played(source, [0, 1, 2, 3, 4], labels)
    for row in range(5):
        np.testing.assert_array_equal(_played(source, [row], labels[row : row + 1])[0], batch[row])


def test_other_rows_labels_and_resets_change_nothing(parameters):
    source = SurrogateSource(parameters)
    labels = np.zeros((2, 200), np.int64)
    alone = _played(source, [0, 1], labels)
    labels[1, 50:] = 2
    np.testing.assert_array_equal(_played(source, [0, 1], labels)[0], alone[0])
    source.start(2)
    source.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)])
    pieces = []
    for step in range(200):
        if step % 30 == 7:
            source.reset(np.array([1]), [np.random.default_rng(step)])
        pieces.append(source.read(np.zeros(2, np.int64), 8))
    np.testing.assert_array_equal(np.concatenate(pieces, axis=2)[0], alone[0])


def test_rows_that_are_passed_over_play_the_same_labels_and_trials(parameters):
    source = SurrogateSource(parameters, skip_cue=1.0)
    labels = np.random.default_rng(0).integers(3, size=(3, 60)).repeat(20, axis=1)
    heard = []
    for silent in (False, True):
        source.start(3)
        source.reset(np.arange(3), [np.random.default_rng(seed) for seed in (0, 1, 2)])
        for step, wanted in enumerate(labels.T):
            if silent:
                source.pass_over(wanted, 8)
            else:
                source.read(wanted, 8)
            now = (*source.playing, *source.since_onset, *(source.trials_played(row) for row in range(3)))
            if silent:
                assert now == heard[step]
            heard.append(now)


def test_a_row_that_was_passed_over_is_read_after_its_next_reset(parameters):
    source = SurrogateSource(parameters)
    labels = np.zeros((2, 100), np.int64)
    together = _played(source, [0, 1], labels)
    source.start(2)
    source.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)])
    source.pass_over(np.zeros(1, np.int64), 8, np.array([1]))
    with pytest.raises(NeuroMotionError, match="passed over"):
        source.read(labels[:, 0], 8)
    source.reset(np.array([1]), [np.random.default_rng(1)])
    again = np.concatenate([source.read(step, 8) for step in labels.T], axis=2)
    np.testing.assert_array_equal(again, together)
    source.start(1)
    with pytest.raises(NeuroMotionError, match="reset"):
        source.pass_over(np.zeros(1, np.int64), 8)


def test_size_of_reads_does_not_matter(parameters):
    source = SurrogateSource(parameters)
    small = _played(source, [3], np.zeros((1, 400), np.int64), 4)
    large = _played(source, [3], np.zeros((1, 2), np.int64), 800)
    np.testing.assert_array_equal(small, large)


def test_changed_label_waits_for_the_next_restart(parameters):
    source = SurrogateSource(parameters)
    source.start(1)
    source.reset(np.array([0]), [np.random.default_rng(0)])
    source.read(np.array([0]), 8)
    onset = int(source.since_onset[0])
    while source.since_onset[0] >= onset:
        assert source.playing[0] == 0
        onset = int(source.since_onset[0])
        source.read(np.array([1]), 8)
    assert source.playing[0] == 1
    assert len(source.trials_played(0)) == 2


def test_restarts_do_not_depend_on_labels(parameters):
    source = SurrogateSource(parameters)
    marks = []
    for label in (0, 2):
        source.start(1)
        source.reset(np.array([0]), [np.random.default_rng(5)])
        marks.append([])
        for _ in range(300):
            source.read(np.array([label]), 8)
            marks[-1].append(int(source.since_onset[0]))
    assert marks[0] == marks[1]


def test_pieces_do_not_repeat_each_other(parameters):
    source = SurrogateSource(parameters, pieces_s=(1.0, 1.0), fade_s=0.0)
    samples = _played(source, [0], np.zeros((1, 300), np.int64))[0].astype(float)
    pieces = np.diff(samples[:, : 2400 // 160 * 160].reshape(6, -1, 160), axis=2).reshape(6, -1, 159)[3]
    correlation = np.corrcoef(pieces)
    np.fill_diagonal(correlation, 0)
    assert abs(correlation).max() < 0.6


def test_powers_and_covariances_are_those_of_the_recordings(parameters):
    session = _session("P1", 1)
    source = SurrogateSource(parameters, subjects=["P1"])
    for label in range(3):
        own = np.concatenate(
            [x for trial, x in session.recordings[0].trial_samples() if trial.label == LABELS[label]], 1
        )
        made = _played(source, list(range(8)), np.full((8, 20), label), 160).transpose(1, 0, 2).reshape(6, -1)
        real, generated = np.cov(np.diff(own)), np.cov(np.diff(made))
        np.testing.assert_allclose(np.diag(generated), np.diag(real), rtol=0.35)
        assert abs(np.corrcoef(np.diff(made))[0, 1] - np.corrcoef(np.diff(own))[0, 1]) < 0.15


def test_loudness_varies_between_pieces_as_between_trials(parameters):
    source = SurrogateSource(parameters, subjects=["P1"], pieces_s=(2.0, 2.0), fade_s=0.0)
    samples = _played(source, [0], np.zeros((1, 100), np.int64), 320)[0]
    loud = np.log(np.diff(samples.reshape(6, -1, 320), axis=2).std(axis=2)).mean(axis=0)
    assert loud.std() > 0.3


def test_trials_without_onset_keep_their_levels_where_the_model_says_so():
    """An envelope is never below zero: noise without its level would be, half of the time."""
    spec, length = SignalSpec("emg", ("raw", "envelope"), 500.0, "µV"), 2000
    level = {"weak": 20.0, "strong": 90.0}
    generator = np.random.default_rng(0)
    pieces = [
        np.stack([generator.normal(0, 30, length), level[label] + generator.normal(0, 4, length)]) for label in level
    ]
    marks = tuple(Trial(label, i * length, (i + 1) * length, False) for i, label in enumerate(level))
    recording = Recording(np.concatenate(pieces, 1).astype(np.float32), spec, marks, "toy", "P1")
    model = SurrogateModel(
        *("toy", (0, 20, 250), "trial"), frames=5, groups=2, levels=True, slow_hz=0.1, knots_hz=0.2, noise="tape"
    )
    session = Session("toy", "P1", "0", (recording,), ())
    found = {}
    for levels in (True, False):
        source = SurrogateSource(fit_surrogate([session], tuple(level), model=replace(model, levels=levels)))
        played = _played(source, [1, 2], np.array([[0] * 40, [1] * 40]), 100)[:, :, 500:]
        found[levels] = played.mean(axis=2)
        np.testing.assert_allclose(played[:, 0].std(axis=1), 30, rtol=0.1)
        if levels:
            np.testing.assert_allclose(played[:, 1].std(axis=1), 4, rtol=0.15)
    np.testing.assert_allclose(found[True][:, 1], [20, 90], rtol=0.03)
    assert abs(found[True][:, 0]).max() < 5
    assert abs(found[False][1, 1] - 90) > 30


def _envelopes() -> Session:
    """Envelopes in volts: all channels stand still at rest, and the third in all trials."""
    generator, length = np.random.default_rng(0), 300
    level = {"rest": 0.0, "close": 1.5}
    pieces = []
    for trial in range(8):
        label = ("rest", "close")[trial % 2]
        rise = np.linspace(0.5, 1.5, length) * level[label]
        x = np.stack([rise + generator.normal(0, 0.1, length), 0.3 * rise, np.zeros(length)])
        pieces.append(x if label == "close" else np.zeros((3, length)))
    pieces.append(np.array([[0.0], [0.0], [0.0024]]))
    marks = tuple(Trial(("rest", "close")[i % 2], i * length, (i + 1) * length, False) for i in range(8))
    spec = SignalSpec("emg", ("a", "b", "c"), 100.0, "V")
    recording = Recording(np.concatenate(pieces, 1).astype(np.float32), spec, marks, "toy", "P1", run="2")
    return Session("toy", "P1", "0", (recording,), (replace(recording, run="1"),))


ENVELOPE = SurrogateModel(
    "toy", (0, 5, 50), "trial", frames=2, groups=3, levels=True, slow_hz=0.05, knots_hz=0.1, noise="tape", stretch_s=1.0
)


@pytest.mark.parametrize(
    "model",
    [ENVELOPE, SurrogateModel("bands above half the rate, few groups", (0, 20, 45, 70, 100), "trial", 10, groups=2)],
)
def test_channels_that_stand_still_at_rest_and_amplified_volts_are_fitted(model):
    source = SurrogateSource(fit_surrogate([_envelopes()], ("rest", "close"), model=model))
    rest, close = _played(source, [0, 1], np.array([[0] * 50, [1] * 50]), 20)[:, :, 200:]
    assert np.isfinite(rest).all()
    assert rest.std(axis=1).max() < 0.01
    assert close[0].std() > 0.05
    assert abs(close[2]).max() < 0.1


def test_a_labelled_calibration_run_of_envelopes_has_the_levels_of_its_labels():
    source = SurrogateSource(fit_surrogate([_envelopes()], ("rest", "close"), model=ENVELOPE))
    (run,) = source.calibration(0)
    found = {label: [] for label in ("rest", "close")}
    for trial, samples in run.trial_samples():
        found[trial.label].append(samples[0].mean())
    assert abs(np.mean(found["rest"])) < 0.05
    assert np.mean(found["close"]) == pytest.approx(1.5, rel=0.1)


def test_stretches_cover_a_trial_from_its_beginning_to_its_end():
    """The envelope rises from 0.75 to 2.25 V in a trial of 3 s; the beginning alone would stop at half of that."""
    whole = fit_surrogate([_envelopes()], ("rest", "close"), model=ENVELOPE)
    beginning = fit_surrogate([_envelopes()], ("rest", "close"), model=replace(ENVELOPE, stretch_s=None))
    assert len(whole.person) == 3 * len(beginning.person)
    assert whole.meta["trial_s"] == 1.0
    closed = ~whole.calibration & (whole.label == 1)
    level = whole.evoked_course[closed].astype(float)[:, :, 0] @ whole.evoked_pattern[0].astype(float) + whole.offset[0]
    volts = np.sort((level * whole.meta["scale"])[:, 0]).reshape(3, 4).mean(axis=1)
    np.testing.assert_allclose(volts, [1.0, 1.5, 2.0], atol=0.05)


@pytest.mark.parametrize("least", [-0.5, -4.0, -20.0])
def test_scores_whatever_their_size_vary_covariances_and_no_more(parameters, least):
    """A frame has the covariance I + V, in units of the mean one; the least eigenvalue of V may lie below -1."""
    mode = parameters.mode[:, 0].astype(float)
    full = np.zeros((len(mode), 6, 6))
    rows, columns = np.tril_indices(6)
    full[:, rows, columns] = full[:, columns, rows] = mode
    values = np.linalg.eigvalsh(full)
    steps = least / values.min(axis=1)
    score = np.zeros_like(parameters.score)
    score[..., 0] = 1
    varied = replace(parameters, score=score, score_step=np.repeat(steps[:, None], 3, axis=1).astype(np.float32))
    plain = replace(parameters, score=np.zeros_like(score))
    power = []
    for one in (plain, varied):
        source = SurrogateSource(one, subjects=["P1"], pieces_s=(2.0, 2.0), fade_s=0.0)
        power.append(np.diff(_played(source, list(range(20)), np.full((20, 4), 1), 320)).var())
    largest = (1 + steps[:, None] * values).max()
    assert 0.1 < power[1] / power[0] < largest
    assert power[1] != pytest.approx(power[0], rel=1e-3)


def test_response_to_the_cue_comes_after_the_onset_alone(parameters):
    slow = {}
    for skip in (0.0, 2.0):
        source = SurrogateSource(parameters, skip_cue=skip, pieces_s=(1.0, 1.0), fade_s=0.0)
        for label in (1, 2):
            samples = _played(source, list(range(10)), np.full((10, 10), label), 160)
            slow[skip, label] = (samples[:, 0, :].mean() - samples[:, 5, :].mean()) * 1e6
    assert slow[0.0, 2] - slow[0.0, 1] > 4 * abs(slow[2.0, 2] - slow[2.0, 1]) > 0


def test_a_stretch_is_the_same_after_a_later_one_of_its_trial_was_generated(parameters):
    synthesis = TapeSynthesis(parameters, 160)
    numbers = synthesis.draw([np.random.default_rng(0)])
    beyond = round(parameters.meta["trial_s"] * 160) + 100  # more than was computed for the first one
    first, later = (synthesis.generate(np.array([0]), np.array([offset]), numbers) for offset in (40, beyond))
    np.testing.assert_array_equal(synthesis.generate(np.array([0]), np.array([40]), numbers), first)
    fresh = TapeSynthesis(parameters, 160)
    np.testing.assert_array_equal(fresh.generate(np.array([0]), np.array([beyond]), numbers), later)


def test_regressed_ocular_channels_are_silent(parameters):
    source = SurrogateSource(parameters, ocular="regress")
    samples = _played(source, [0], np.zeros((1, 100), np.int64))[0]
    assert (samples[[0, 5]] == 0).all()
    assert samples[1:5].std() > 0
    assert (source.calibration(0)[0].samples[[0, 5]] == 0).all()


def test_calibration_is_generated_the_same_every_time_and_looks_like_the_person(parameters):
    source = SurrogateSource(parameters)
    first, second = source.calibration(1)[0], source.calibration(1)[0]
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.subject == "P2"
    real = np.cov(np.diff(_session("P2", 2).calibration[0].samples))
    np.testing.assert_allclose(np.diag(np.cov(np.diff(first.samples))), np.diag(real), rtol=0.5)


def test_channels_are_picked_in_order(parameters):
    everything = SurrogateSource(parameters, subjects=["P1"])
    some = SurrogateSource(parameters, subjects=["P1"], channels=("d", "b"))
    assert some.spec.channels == ("d", "b")
    rows = list(range(8))
    labels = np.full((8, 20), 1)
    whole = np.diff(_played(everything, rows, labels, 160)).transpose(1, 0, 2).reshape(6, -1)
    part = np.diff(_played(some, rows, labels, 160)).transpose(1, 0, 2).reshape(2, -1)
    np.testing.assert_allclose(part.std(axis=1), whole[[3, 1]].std(axis=1), rtol=0.15)


def test_whole_epochs_for_trial_pacing(parameters):
    source = SurrogateSource(parameters, pacing="trial", epoch_s=(1.0, 3.5))
    source.start(1)
    source.reset(np.array([0]), [np.random.default_rng(0)])
    seen = []
    for _ in range(300):
        source.read(np.array([0]), 8)
        seen.append(int(source.since_onset[0]))
    assert max(seen) == (560 + 1 + 16) // 8 * 8


def test_integers_of_a_device_and_labelled_calibration():
    spec = SignalSpec("emg", ("x", "y", "z"), 200.0, "count")
    generator = np.random.default_rng(0)
    samples = np.clip(np.rint(generator.standard_normal((3, 8000)) * 70), -128, 127).astype(np.float32)
    trials = tuple(Trial("ab"[i % 2], i * 1000, (i + 1) * 1000, has_onset=False) for i in range(8))
    recording = Recording(samples, spec, trials, "toy", "P1", "one")
    calibration = replace(recording, session="zero")
    session = Session("toy", "P1", "one", (recording,), (calibration,))
    model = SurrogateModel("toy", (0, 30, 100), "trial", frames=5, groups=3)
    fitted = fit_surrogate([session], ("a", "b"), model=model, device=Device(integer_range=(-128, 127)))
    source = SurrogateSource(fitted, fade_s=0.0)
    made = _played(source, [0, 1], np.zeros((2, 100), np.int64), 10)
    np.testing.assert_array_equal(made, np.rint(made))
    assert made.min() == -128
    assert made.max() == 127
    assert [trial.label for trial in source.calibration(0)[0].trials] == list("aaaabbbb")
    with pytest.raises(NeuroMotionError, match="no ocular channels"):
        SurrogateSource(fitted, ocular="regress")


def test_file_gives_the_same_samples(parameters, tmp_path):
    path = parameters.save(tmp_path / "toy.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["toy.npz"]
    labels = np.ones((2, 60), np.int64)
    again = SurrogateSource.load(path)
    np.testing.assert_array_equal(_played(again, [0, 1], labels), _played(SurrogateSource(parameters), [0, 1], labels))
    assert again.provenance["part"] == "tune"
    assert again.provenance["kind"] == "surrogate"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), cut=st.booleans())
@example(place=0.453996606299598, bits=3, cut=False)  # a header that breaks in NumPy's tokenizer
def test_corrupt_file_gives_the_librarys_own_error(parameters, tmp_path, place, bits, cut):
    path = parameters.save(tmp_path / "toy.npz")
    content = bytearray(path.read_bytes())
    where = int(place * len(content))
    if cut:
        content = content[:where]
    else:
        content[where] ^= bits
    path.write_bytes(bytes(content))
    messages = []
    try:
        _played(SurrogateSource.load(path), [0], np.zeros((1, 2), np.int64))
    except NeuroMotionError as error:
        messages.append(str(error))
    assert all("toy.npz" in message for message in messages)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.full(3, 9, np.int16)}, "label"),
        ({"gain_step": np.full(5, np.nan, np.float32)}, "gain_step"),
        ({"edges_hz": np.array([0, 8, 4, 13, 30, 80], np.float32)}, "Bands"),
        ({"meta": {"format": 99}}, "description"),
    ],
)
def test_contradicting_parameters_are_refused(parameters, change, message):
    with pytest.raises(NeuroMotionError, match=message):
        replace(parameters, **change)


def test_impossible_requests_name_what_is_possible(parameters):
    for options, message in (
        ({"labels": ("rest", "tongue")}, "tongue.*its labels: rest, left, right"),
        ({"subjects": ["P9"]}, "P9.*its people: P1, P2"),
        ({"channels": ("a", "q")}, "lacks channels q"),
        ({"skip_cue": 3.5}, "leave"),
        ({"skip_cue": -1.0}, "negative"),
        ({"ocular": "off"}, "'keep' or 'regress'"),
    ):
        with pytest.raises(NeuroMotionError, match=message):
            SurrogateSource(parameters, **options)
    with pytest.raises(NeuroMotionError, match="No surrogate is called 'eegmmidb_tun'. Surrogates: eegmmidb_test"):
        SurrogateSource.load("eegmmidb_tun")
    with pytest.raises(NeuroMotionError, match="cannot be read"):
        SurrogateSource.load("nowhere.npz")


@pytest.mark.parametrize("name", sorted(shipped_surrogates()))
def test_shipped_surrogate_plays_and_says_what_it_is(name):
    from neuromotion_gym.datasets import registry

    source = SurrogateSource.load(name)
    dataset, part = name.rsplit("_", 1)
    assert (source.provenance["dataset"], source.provenance["part"]) == (dataset, part)
    assert source.provenance["licence"]
    samples = _played(source, [0], np.zeros((1, 5), np.int64), 100)
    assert np.isfinite(samples).all()
    assert (samples.std(axis=2) > 0).all()
    assert bool(source.calibration(0)) == bool(registry.dataset(dataset).table.kind(None).calibration)


def test_shipped_surrogates_are_of_the_parts_they_name():
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.decoders import list_decoders, load_decoder

    for name in shipped_surrogates():
        dataset, part = name.rsplit("_", 1)
        people = {subject for subject, _ in SurrogateSource.load(name).sessions}
        assert people == set(registry.dataset(dataset).table.runs(part))
    played = {load_decoder(name).spec.dataset for name in list_decoders()}
    assert played <= set(registry.dataset_names())
    assert {f"{dataset}_{part}" for dataset in played for part in ("tune", "test")} <= set(shipped_surrogates())


def test_fit_refuses_what_it_cannot_fit():
    with pytest.raises(NeuroMotionError, match="no session"):
        fit_surrogate([], LABELS)
    with pytest.raises(NeuroMotionError, match="no trials of 'tongue'"):
        fit_surrogate([_session("P1", 1, trials=2)], (*LABELS, "tongue"), model=MODEL)


def test_a_registered_surrogate_loads_by_its_name_and_a_name_is_given_once(tmp_path, monkeypatch):
    shipped = shipped_surrogates()["myo_armband_tune"]
    monkeypatch.setattr("neuromotion_gym.signals.surrogate.parameters._REGISTERED", {})
    own = tmp_path / "own_set_tune.npz"
    own.write_bytes(shipped.read_bytes())
    register_surrogate(own)
    register_surrogate(own)
    source = SurrogateSource.load("own_set_tune", ["neutral", "hand_close"])
    assert source.sessions == SurrogateSource.load("myo_armband_tune", ["neutral", "hand_close"]).sessions
    for taken in ("own_set_tune", "myo_armband_tune"):
        (tmp_path / "other").mkdir(exist_ok=True)
        other = tmp_path / "other" / f"{taken}.npz"
        other.write_bytes(shipped.read_bytes())
        with pytest.raises(NeuroMotionError, match="already registered"):
            register_surrogate(other)
