from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import DecoderSpec, IntentPolicy, ProbabilityDecoder, check_decoder, find_faults
from neuromotion_gym.decoders.identity import digest_of
from neuromotion_gym.errors import NeuroMotionError


class Means:
    """What a user might bring: the softmax of the channels' means."""

    def predict_proba(self, windows):
        odds = np.exp(windows.mean(axis=2))
        return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"modality": "ecg"}, "'modality' is 'ecg'.*'eeg' or 'emg'"),
        ({"labels": ["left"]}, "labels"),
        ({"labels": ["left", "left"]}, "labels.*unique"),
        ({"channels": []}, "channels"),
        ({"rate_hz": 0}, "rate_hz"),
        ({"rate_hz": float("nan")}, "rate_hz"),
        ({"window": 0}, "window"),
        ({"window": 4.5}, "window"),
        ({"hop_s": -1}, "hop_s"),
        ({"output": "odds"}, "output.*logits"),
        ({"pacing": "trial"}, "epoch_s"),
        ({"pacing": "trial", "epoch_s": (0.0, 3.0)}, "300 samples.*window is 4"),
        ({"split": "random"}, "split.*'trial'"),
        ({"colour": "red"}, "'colour' is not known"),
        ({"name": "../up"}, "name"),
        ({"adaptation": {"kind": "euclidean"}}, "adaptation.*shape"),
        ({"adaptation": {"kind": "euclidean", "shape": (2, 2)}}, "band_hz"),
        ({"adaptation": {"kind": "euclidean", "shape": (3, 3), "band_hz": (8, 30)}}, r"\(2, 2\)"),
        ({"adaptation": {"kind": "euclidean", "shape": (2, 2), "band_hz": (8, 50)}}, "below half"),
        ({"adaptation": {"kind": "head", "shape": (3, 3)}}, "number of labels"),
        ({"adaptation": {"kind": "none", "shap": ()}}, "'shap' is not known"),
        ({"adaptation": {"kind": "head", "shape": (2, 0)}}, "two positive lengths"),
        ({"adaptation": {"kind": "head", "shape": (2, 3, 1)}}, "two positive lengths"),
        ({"adaptation": {"kind": "none", "shape": (2, 2)}}, "has no shape"),
        ({"pacing": "trial", "epoch_s": (0.0, 0.06)}, "6 samples.*window is 4"),
        ({"channels": ["a", ""]}, "channels.*not empty"),
        ({"targets": ["grip"]}, "targets belong to output 'targets'"),
        ({"output": "targets"}, "needs targets"),
    ],
)
def test_wrong_specification_is_refused_by_name(tiny, changes, named):
    with pytest.raises(NeuroMotionError, match=named):
        tiny.spec(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"window": 1},
        {"channels": ["a"]},
        {"adaptation": {"kind": "head", "shape": (2, 1)}},
        {"pacing": "trial", "epoch_s": (0.0, 0.05)},
        {"pacing": "trial", "epoch_s": (0.02, 0.05)},
        {"output": "targets", "targets": ["grip"], "labels": []},
    ],
)
def test_specification_at_the_edge_of_what_is_allowed(tiny, changes):
    spec = tiny.spec(**changes)
    assert {key: getattr(spec, key) for key in changes if key == "window"} == {
        key: value for key, value in changes.items() if key == "window"
    }
    assert spec.effort is False
    assert spec.control is False


def test_missing_fields_are_all_named():
    with pytest.raises(NeuroMotionError, match=r"'labels' is missing.*'rate_hz' is missing"):
        DecoderSpec(name="x", modality="emg")


def test_object_with_predict_proba_passes_the_checks(tiny):
    decoder = ProbabilityDecoder(Means(), tiny.spec(output="probabilities"))
    check_decoder(decoder)
    windows = np.zeros((1, 2, 4))
    windows[0, 1] = 1.0
    assert decoder.predict_proba(windows)[0] == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e)])


def test_scikit_learn_pipeline_is_a_decoder_in_three_lines(tiny):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    generator = np.random.default_rng(0)
    windows = generator.normal(size=(60, 2, 4)) + np.repeat([[2.0, 0.0], [0.0, 2.0]], 30, axis=0)[:, :, None]
    model = make_pipeline(FunctionTransformer(lambda windows: windows.mean(axis=2)), LinearDiscriminantAnalysis())
    model.fit(windows, np.repeat(["left", "right"], 30))
    decoder = ProbabilityDecoder(model, tiny.spec(output="probabilities"))
    check_decoder(decoder)
    assert (decoder.predict_proba(windows).argmax(axis=1) == np.repeat([0, 1], 30)).mean() > 0.9
    other = ProbabilityDecoder(model, tiny.spec(output="probabilities", labels=("right", "left")))
    assert np.array_equal(other.predict_proba(windows), decoder.predict_proba(windows)[:, ::-1])


@pytest.mark.parametrize(
    ("output", "given"),
    [
        ("logits", [[3.0, 1.0]]),
        ("log_probabilities", np.log([[0.880797, 0.119203]])),
        ("probabilities", [[0.880797, 0.119203]]),
    ],
)
def test_every_kind_of_output_becomes_the_same_posterior(tiny, output, given):
    class Fixed:
        def predict_proba(self, windows):
            return np.asarray(given)

    posterior = ProbabilityDecoder(Fixed(), tiny.spec(output=output)).predict_proba(np.zeros((1, 2, 4)))
    assert posterior[0] == pytest.approx([0.880797, 0.119203], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([[3.0, 1.0]], "sum to 1"),
        ([[1.5, -0.5]], "negative"),
        ([[np.nan, 1.0]], "NaN"),
        ([[0.2, 0.3, 0.5]], r"shape \(1, 3\)"),
    ],
)
def test_model_that_gives_no_posterior_is_refused(tiny, given, named):
    class Wrong:
        def predict_proba(self, windows):
            return np.asarray(given)

    with pytest.raises(NeuroMotionError, match=named):
        ProbabilityDecoder(Wrong(), tiny.spec(output="probabilities")).predict_proba(np.zeros((1, 2, 4)))


@pytest.mark.parametrize("shape", [(1, 3, 4), (1, 2, 5), (2, 4), (1, 2, 4, 1)])
def test_windows_of_another_shape_are_refused(tiny, shape):
    with pytest.raises(NeuroMotionError, match="2 channels, 4 samples"):
        ProbabilityDecoder(Means(), tiny.spec(output="probabilities")).predict_proba(np.zeros(shape))


def test_channels_with_nan_samples_are_named(tiny):
    windows = np.zeros((3, 2, 4))
    windows[2, 1, 0] = np.inf
    with pytest.raises(NeuroMotionError, match="channels b"):
        ProbabilityDecoder(Means(), tiny.spec(output="probabilities")).predict_proba(windows)


def test_huge_samples_whose_sum_overflows_are_not_mistaken_for_nan(tiny):
    windows = np.full((1, 2, 4), 3e38, dtype=np.float32)

    class Even:
        def predict_proba(self, windows):
            return np.full((len(windows), 2), 0.5)

    assert ProbabilityDecoder(Even(), tiny.spec(output="probabilities")).predict_proba(windows).shape == (1, 2)


def test_intent_policy_takes_one_observation_a_batch_and_bare_windows(tiny):
    policy = IntentPolicy(ProbabilityDecoder(Means(), tiny.spec(output="probabilities")))
    windows = np.zeros((3, 2, 4), np.float32)
    windows[1, 1] = 1
    assert policy.predict({"signal": windows}).tolist() == [0, 1, 0]
    assert policy.predict({"signal": windows[1]}) == 1
    assert np.ndim(policy.predict(windows[1])) == 0


def test_check_decoder_finds_a_decoder_that_remembers(tiny):
    class Remembering(Means):
        calls = 0

        def predict_proba(self, windows):
            self.calls += 1
            return super().predict_proba(windows + self.calls * np.array([[[1.0], [0.0]]]))

    with pytest.raises(NeuroMotionError, match="different results for the same windows"):
        check_decoder(ProbabilityDecoder(Remembering(), tiny.spec(output="probabilities")))


def test_check_decoder_finds_a_decoder_that_looks_at_its_neighbours(tiny):
    class Batchwise(Means):
        def predict_proba(self, windows):
            return super().predict_proba(windows - windows.mean(axis=0, keepdims=True))

    with pytest.raises(NeuroMotionError, match="alone"):
        check_decoder(ProbabilityDecoder(Batchwise(), tiny.spec(output="probabilities")))


def test_digest_of_an_object_is_its_own_or_nobody_else_s(tiny):
    class Versioned(Means):
        def digest(self):
            return "version 7"

    spec = tiny.spec(output="probabilities")
    model = Means()
    assert ProbabilityDecoder(model, spec).digest() != ProbabilityDecoder(model, spec).digest()
    versioned = ProbabilityDecoder(Versioned(), spec).digest()
    assert ProbabilityDecoder(Versioned(), spec).digest() == versioned
    assert ProbabilityDecoder(Versioned(), tiny.spec(output="probabilities", hop_s=0.2)).digest() != versioned
    featured = [ProbabilityDecoder(Versioned(), spec, features=lambda windows: windows) for _ in range(2)]
    assert len({versioned, *(one.digest() for one in featured)}) == 3  # nobody knows what a function computes


def test_an_object_without_a_digest_gets_a_text_that_no_later_object_has():
    found = set()
    for _ in range(20):  # each is freed at once, so that the next one may lie at its address
        one = Means()
        found.add(digest_of(one))
        assert digest_of(one) == digest_of(one)
        del one
    assert len(found) == 20


def test_check_decoder_finds_a_decoder_that_takes_no_notice_of_the_adaptation(tiny, head_folder):
    from neuromotion_gym.decoders import OnnxDecoder

    class Careless(OnnxDecoder):
        def decode(self, windows, adaptation=None):
            return super().decode(windows, np.zeros((len(windows), 2, 3), np.float32))

    with pytest.raises(NeuroMotionError, match="without the adaptation"):
        check_decoder(Careless(head_folder))


def _faulty(fault, spec, effort):
    """A decoder whose results are changed by ``fault(windows, posterior)``; it gives effort where that does."""

    class Faulty(ProbabilityDecoder):
        def decode(self, windows, adaptation=None):
            posterior, _ = super().decode(windows, adaptation)
            found = fault(windows, posterior)
            return found if isinstance(found, tuple) else (found, None)

        def predict_proba(self, windows, adaptation=None):
            return super().decode(windows, adaptation)[0]

    decoder = Faulty(Means(), spec)
    decoder.spec = spec.model_copy(update={"effort": effort})
    return decoder


def _overwrite(windows, posterior):
    windows *= 0
    return posterior


@pytest.mark.parametrize(
    ("fault", "effort", "named"),
    [
        (lambda windows, posterior: posterior, True, "gives effort where its spec says otherwise"),
        (lambda windows, posterior: (posterior, posterior[:, 0]), False, "gives effort where its spec says otherwise"),
        (lambda windows, posterior: (posterior, posterior), True, "effort of shape"),
        (lambda windows, posterior: (posterior, posterior[:, 0] - 1), True, r"outside 0\.\.1"),
        (lambda windows, posterior: (posterior, posterior[:, 0] + 1), True, r"outside 0\.\.1"),
        (_overwrite, False, "changes the windows"),
        (lambda windows, posterior: posterior[:, :1], False, "posterior of shape"),
        (lambda windows, posterior: posterior.astype(float), False, "of float64, not float32"),
        (lambda windows, posterior: posterior * np.float32(np.nan), False, "NaN or infinite"),
        (lambda windows, posterior: np.stack([1 - 2 * posterior[:, 1], 2 * posterior[:, 1]], 1), False, "negative"),
        (lambda windows, posterior: posterior / 2, False, "do not sum to 1"),
        (lambda windows, posterior: posterior[:, ::-1], False, "predict_proba"),
        (lambda windows, posterior: posterior.tolist(), False, "decode: gives a list"),
        (lambda windows, posterior: (posterior, posterior[:, 0].tolist()), True, "effort: gives a list"),
        (lambda windows, posterior: posterior.astype(object), False, "of object, not float32"),
        (lambda windows, posterior: posterior["left"], False, "fails on random windows, IndexError"),
    ],
)
def test_check_decoder_finds_what_is_wrong_with_the_results(tiny, fault, effort, named):
    with pytest.raises(NeuroMotionError, match=named):
        check_decoder(_faulty(fault, tiny.spec(output="probabilities"), effort))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_effort_may_be_anything_from_zero_to_one(tiny, value):
    def constant(windows, posterior):
        return posterior, np.full(len(windows), value, np.float32)

    check_decoder(_faulty(constant, tiny.spec(output="probabilities"), effort=True))


@pytest.mark.parametrize(
    ("mended", "named"),
    [
        (lambda windows: np.nan_to_num(windows), "NaN samples"),
        (lambda windows: np.pad(windows, ((0, 0), (0, 2 - windows.shape[1]), (0, 0))), "wrong number of channels"),
        (lambda windows: np.pad(windows, ((0, 0), (0, 0), (0, 4 - windows.shape[2]))), "too short"),
    ],
)
def test_check_decoder_finds_a_decoder_that_accepts_anything(tiny, mended, named):
    class Accepting(ProbabilityDecoder):
        def decode(self, windows, adaptation=None):
            return super().decode(mended(windows), adaptation)

    with pytest.raises(NeuroMotionError, match=named):
        check_decoder(Accepting(Means(), tiny.spec(output="probabilities")))


def test_an_error_of_another_kind_for_wrong_input_is_a_fault_of_its_own(tiny):
    class Strict(ProbabilityDecoder):
        def decode(self, windows, adaptation=None):
            if np.isnan(windows).any():
                raise ValueError("Input X contains NaN.")
            return super().decode(windows, adaptation)

    (fault,) = find_faults(Strict(Means(), tiny.spec(output="probabilities")))
    assert fault.what == "input"
    assert fault.found == "answers NaN samples with a ValueError, an error of another kind than the library's"


def test_a_decoder_of_one_channel_passes_the_checks(tiny):
    class Sign:
        def predict_proba(self, windows):
            up = 1 / (1 + np.exp(-windows.mean(axis=(1, 2))))
            return np.stack([1 - up, up], axis=1)

    check_decoder(ProbabilityDecoder(Sign(), tiny.spec(output="probabilities", channels=["a"])))
