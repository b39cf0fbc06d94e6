"""Objects of other libraries as decoders: what is called, in which order its columns are, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import ProbabilityDecoder, check_decoder, load_decoder
from neuromotion_gym.decoders.objects import decoder_of
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

FACTS = {"modality": "emg", "channels": ["a", "b"], "rate_hz": 100.0, "unit": "V", "window": 4}


class Powers:
    """Knows which channel is stronger; three classes: channel 0, channel 1, neither."""

    def __init__(self, classes=None):
        if classes is not None:
            self.classes_ = np.array(classes)

    def predict_proba(self, windows):
        strong = np.abs(windows).mean(axis=2) > 1
        index = np.where(strong.any(axis=1), strong.argmax(axis=1), 2)
        return 0.05 + 0.85 * np.eye(3)[index]


class Choice:
    """Only `predict`."""

    def __init__(self, classes=None):
        self.powers = Powers(classes)
        if classes is not None:
            self.classes_ = self.powers.classes_

    def predict(self, windows):
        index = self.powers.predict_proba(windows).argmax(axis=1)
        return self.classes_[index] if hasattr(self, "classes_") else index


def strong(channel: int | None) -> np.ndarray:
    windows = np.zeros((1, 2, 4), np.float32)
    if channel is not None:
        windows[0, channel] = 5.0
    return windows


def decoded(decoder, channel: int | None) -> str:
    """The label of a window in which one channel, or neither, is strong."""
    return decoder.spec.labels[decoder.predict_proba(strong(channel))[0].argmax()]


def test_labels_are_the_classes_where_these_are_texts():
    decoder = load_decoder(Powers(["right", "left", "rest"]), **FACTS)
    check_decoder(decoder)
    assert decoder.spec.labels == ("right", "left", "rest")
    assert (decoder.spec.name, decoder.spec.output, decoder.spec.dataset) == ("Powers", "probabilities", "user")
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]


@pytest.mark.parametrize("model", [Powers, Choice])
def test_labels_in_another_order_are_matched_by_name(model):
    # Not a swap: a permutation and its inverse differ
    decoder = load_decoder(model(["right", "left", "rest"]), labels=["rest", "right", "left"], **FACTS)
    check_decoder(decoder)
    assert decoder.spec.labels == ("rest", "right", "left")
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]


@pytest.mark.parametrize("model", [Powers, Choice])
def test_a_map_renames_classes_and_the_specification_keeps_their_names(model):
    decoder = load_decoder(model(["R", "L", "rest"]), labels={"r": "right", "L": "left"}, **FACTS)
    assert decoder.spec.labels == ("right", "left", "rest")
    assert decoder.spec.renamed == (("R", "right"), ("L", "left"))
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]


def test_other_usual_names_are_matched_with_the_labels_that_are_wanted():
    decoder = load_decoder(
        Powers(["right_hand", "left_hand", "rest"]), labels=["left_fist", "rest", "right_fist"], **FACTS
    )
    assert decoder.spec.renamed == (("right_hand", "right_fist"), ("left_hand", "left_fist"))
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right_fist", "left_fist", "rest"]


@pytest.mark.parametrize("labels", [["right", "left", "rest"], {7: "left", 3: "right", 9: "rest"}])
@pytest.mark.parametrize("model", [Powers, Choice])
def test_classes_that_are_numbers_get_their_labels_from_a_list_or_a_map(model, labels):
    decoder = load_decoder(model([3, 7, 9]), labels=labels, **FACTS)
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        ([0, 1, 2], None, r"numbers 0, 1, 2.*labels=\{0: '…', 1: '…', 2: '…'\}"),
        ([0, 1, 2], ["left", "right"], r"3 classes \(0, 1, 2\), but labels has 2"),
        ([0, 1, 2], {0: "left", 1: "right"}, "each needs a label"),
        ([1, 2, 3], {0: "left", 1: "right", 2: "rest"}, "has 0, 1, 2, but the classes of Powers are 1, 2, 3"),
        (["right", "left", "rest"], ["left", "rihgt", "rest"], r"'right'.*labels=\{'right': 'rihgt'\}"),
        (["right", "left", "rest"], ["left", "right"], "'rest'; known: left, right"),
        (["right", "left", "rest"], {"left": "right"}, "names must be unique.*'right', 'right', 'rest'"),
        (["right", "left", "rest"], {"left": None}, "label of its own"),
        (["right", "left", "rest"], "left", "list, or a map"),
        (None, None, r"Powers: labels: missing.*decoder_facts=dict\(labels=…\)"),
        ([["a"], ["b"]], None, "one text or number for each class"),
    ],
)
def test_labels_that_cannot_be_told_from_the_classes_are_refused(classes, labels, message):
    facts = FACTS if labels is None else {**FACTS, "labels": labels}
    with pytest.raises(NeuroMotionError, match=message):
        load_decoder(Powers(classes), **facts)


def test_a_specification_in_another_order_than_the_classes_is_followed_by_name(tiny):
    model = Powers(["right", "left", "rest"])
    decoder = ProbabilityDecoder(model, tiny.spec(output="probabilities", labels=["left", "rest", "right"]))
    assert [decoded(decoder, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]
    with pytest.raises(NeuroMotionError, match=r"not its labels.*'rest'; known: left, right, hold"):
        ProbabilityDecoder(model, tiny.spec(output="probabilities", labels=["left", "right", "hold"]))


def test_an_object_without_predict_proba_is_one_hot_and_says_so():
    decoder = load_decoder(Choice(["right", "left", "rest"]), **FACTS)
    assert decoder.spec.output == "class_index"
    assert decoder.predict_proba(strong(1)).tolist() == [[0.0, 1.0, 0.0]]
    bare = load_decoder(Choice(), labels=["right", "left", "rest"], **FACTS)
    assert bare.predict_proba(strong(1)).tolist() == [[0.0, 1.0, 0.0]]


def test_one_column_is_read_where_its_label_is_named():
    class Right:
        def predict_proba(self, windows):
            return 0.2 + 0.6 * (windows[:, 0].mean(axis=1) > 1)

    two = {**FACTS, "labels": ["right", "left"]}
    decoder = load_decoder(Right(), output="probability", positive="left", **two)
    assert decoder.predict_proba(strong(0))[0] == pytest.approx([0.2, 0.8])
    with pytest.raises(NeuroMotionError, match="positive: missing"):
        load_decoder(Right(), output="probability", **two)
    with pytest.raises(NeuroMotionError, match=r"shape \(2,\)"):
        load_decoder(Right(), **two)


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (None, (2, 2, 4)),
        ("(n, channels * samples)", (2, 8)),
        ("(n, samples, channels)", (2, 4, 2)),
        ("(n, 1, channels, samples)", (2, 1, 2, 4)),
    ],
)
def test_axes_are_those_that_the_layout_says_and_are_never_tried(layout, shape):
    class Noting:
        def predict_proba(self, given):
            self.given = given
            return np.full((len(given), 2), 0.5)

    model = Noting()
    facts = {**FACTS, "labels": ["left", "right"]} | ({} if layout is None else {"layout": layout})
    decoder = load_decoder(model, **facts)
    windows = np.arange(16, dtype=np.float32).reshape(2, 2, 4)
    decoder.decode(windows)
    assert model.given.shape == shape
    flat = windows.transpose(0, 2, 1) if layout == "(n, samples, channels)" else windows
    assert model.given.ravel().tolist() == flat.ravel().tolist()


def test_an_array_that_the_object_cannot_read_is_refused_at_once_with_the_ways_out():
    class Flat:
        def predict_proba(self, given):
            raise ValueError(f"Found array with dim {given.ndim}.\nMore lines")

    with pytest.raises(
        NeuroMotionError,
        match=r"Flat cannot read an array of shape \(2, 2, 4\): Found array with dim 3\.\. If.*layout=.*features=",
    ):
        load_decoder(Flat(), labels=["left", "right"], **FACTS)


def test_features_of_one_s_own_are_what_the_object_reads():
    class Two:
        classes_ = np.array(["left", "right"])

        def predict_proba(self, features):
            assert features.shape[1:] == (2,)
            return features / features.sum(axis=1, keepdims=True)

    decoder = load_decoder(Two(), features=lambda windows: 1e-9 + np.abs(windows).mean(axis=2), **FACTS)
    assert decoder.predict_proba(strong(1))[0] == pytest.approx([0.0, 1.0], abs=1e-6)
    with pytest.raises(NeuroMotionError, match="feature_parameters"):
        load_decoder(Two(), features=lambda windows: windows, feature_parameters={"MAV": 1}, **FACTS)


class Resembling:
    """What a classifier of LibEMG looks like from outside."""

    feature_params = None
    fix_feature_errors = True
    rejection = False
    majority_vote = None

    def __init__(self, model):
        self.model = model

    def run(self, features):
        raise AssertionError("its vote and rejection have a memory, and belong to controllers")


def test_a_classifier_of_libemg_reads_features_and_not_windows():
    class Strongest:
        classes_ = np.array([0, 1])

        def predict_proba(self, features):
            assert np.isfinite(features).all()
            return np.eye(2)[features.argmax(axis=1)]

    def means(windows):
        features = np.abs(windows).mean(axis=2)
        return np.where(features == 0, np.nan, features)

    facts = {**FACTS, "labels": {0: "left", 1: "right"}}
    with pytest.raises(NeuroMotionError, match=r"classifies features.*features=\['MAV', …\]"):
        load_decoder(Resembling(Strongest()), **facts)
    decoder = load_decoder(Resembling(Strongest()), features=means, **facts)
    assert [decoded(decoder, channel) for channel in (0, 1)] == ["left", "right"]
    voting = Resembling(Strongest())
    voting.majority_vote = 5
    with pytest.warns(NeuroMotionWarning, match="majority_vote"):
        load_decoder(voting, features=means, **facts)


def test_softmax_inside_an_object_that_should_give_logits_is_refused():
    with pytest.raises(NeuroMotionError, match=r"'logits', but its rows.*right: output: probabilities"):
        load_decoder(Powers(["a", "b", "c"]), output="logits", **FACTS)


@pytest.mark.parametrize("given", [None, 3, [1, 2], {"labels": 1}, object(), lambda windows: windows])
def test_what_is_no_decoder_is_refused_with_what_would_be(given):
    with pytest.raises(NeuroMotionError, match=r"predict_proba or predict, or a network of PyTorch, not"):
        decoder_of(given, FACTS)


def test_missing_facts_are_listed_in_one_error_with_an_example():
    with pytest.raises(
        NeuroMotionError,
        match=r"Powers: modality.*rate_hz: missing.*unit.*window.*dict\(modality=…, rate_hz=…, unit=…, window=…\)",
    ):
        load_decoder(Powers(["a", "b", "c"]), channels=["a"])


def test_a_decoder_is_taken_as_it_is_and_only_its_labels_get_other_names(tiny):
    own = ProbabilityDecoder(Powers(), tiny.spec(output="probabilities", labels=["right", "left", "rest"]))
    assert load_decoder(own) is own
    decoder = load_decoder(own, labels={"left": "hand_close"})
    assert decoder.spec.labels == ("right", "hand_close", "rest")
    assert decoded(decoder, 1) == "hand_close"
    with pytest.raises(NeuroMotionError, match="rate_hz cannot be said again"):
        load_decoder(own, rate_hz=200)


def test_an_object_is_shown_in_one_line():
    shown = repr(load_decoder(Powers(["right", "left", "rest"]), **FACTS))
    assert shown.startswith("<ProbabilityDecoder 'Powers': EMG, 2 channels at 100 Hz in V")
    assert shown.endswith("right, left, rest>")


def test_a_decoder_made_of_an_object_can_be_copied_and_sent_to_another_process():
    import copy
    import pickle

    decoder = load_decoder(Powers(["right", "left", "rest"]), labels=["rest", "left", "right"], **FACTS)
    for other in (copy.deepcopy(decoder), pickle.loads(pickle.dumps(decoder))):  # noqa: S301 -- our own bytes
        assert [decoded(other, channel) for channel in (0, 1, None)] == ["right", "left", "rest"]
        assert other.digest() == decoder.digest()


def test_a_window_that_gives_another_result_alone_than_in_a_batch_is_refused():
    def spread(windows):
        features = np.abs(windows).mean(axis=2)
        return features / features.max(axis=0)  # by the strongest of all windows

    class Softmax:
        classes_ = np.array(["left", "right"])

        def predict_proba(self, features):
            odds = np.exp(5 * features)
            return odds / odds.sum(axis=1, keepdims=True)

    with pytest.raises(NeuroMotionError, match=r"batch: a window gives another result alone than in a batch \(0\.\d\d"):
        load_decoder(Softmax(), features=spread, **FACTS)
