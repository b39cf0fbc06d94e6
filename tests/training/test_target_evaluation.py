"""Figures of decoders of targets: R² within blocks, clocks without a signal, and the lag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import ProbabilityDecoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Targets, Trial
from neuromotion_gym.training.target_card import in_text, target_limits, target_sections
from neuromotion_gym.training.target_evaluation import CLOCKS, around, estimate, explained, lag_s, target_report

SPEC = SignalSpec("emg", ("a", "b"), 100.0, "V")
LABELS = ("index_flexion", "index_extension")
LENGTH = 200


def recording(person: str, run: str, late: int = 0, noise: float = 0.0) -> Recording:
    """Two movements after each other, -1 and 1 times a course; the signal shows it ``late`` samples later."""
    generator = np.random.default_rng([len(person), int(run)])
    course = 0.8 * np.sin(np.linspace(0, np.pi, LENGTH)) ** 2
    rows = []
    for side in (-1, 1):
        rows.append(np.stack([side * course, np.roll(course, 30) * generator.uniform(0.6, 1.0)]))
    values = np.concatenate(rows, axis=1)
    samples = np.roll(values, late, axis=1) + generator.normal(0, noise + 1e-6, values.shape)
    trials = tuple(Trial(label, i * LENGTH + 50, (i + 1) * LENGTH, False) for i, label in enumerate(LABELS))
    gaps = ((LENGTH, LENGTH),)
    targets = Targets(("index_mcp", "index_ip"), values.astype(np.float32))
    return Recording(samples.astype(np.float32), SPEC, trials, "toy", person, run=run, bad_spans=gaps, targets=targets)


def session(person: str, **options: float) -> Session:
    played = tuple(recording(person, run, **options) for run in ("1", "2"))
    return Session("toy", person, "0", played, tuple(recording(person, run, **options) for run in ("3", "4")))


class Last:
    """The last sample of every channel."""

    def predict(self, windows: np.ndarray) -> np.ndarray:
        return windows[:, :, -1]


def decoder(model: object | None = None) -> ProbabilityDecoder:
    facts = {"name": "last", "modality": "emg", "labels": LABELS, "targets": ("index_mcp", "index_ip"), "window": 10}
    facts |= {"channels": SPEC.channels, "rate_hz": 100, "unit": "V", "hop_s": 0.05, "output": "targets"}
    return ProbabilityDecoder(model or Last(), DecoderSpec.model_validate(facts))


def test_a_decoder_that_reads_the_targets_explains_them_and_clocks_less() -> None:
    found = target_report(estimate(decoder(), [session("P1"), session("P22")]))
    assert found["people"] == 2
    assert found["windows"] == 2 * 2 * 2 * 39  # windows of 0.1 s every 0.05 s in pieces of 2 s
    for kind in ("within_blocks", "as_a_whole"):
        assert set(found[kind]) == {"decoder", *CLOCKS}
        assert found[kind]["decoder"]["mean"] == pytest.approx(1, abs=1e-6)
    inside = {way: one["mean"] for way, one in found["within_blocks"].items()}
    assert inside["block"] == pytest.approx(0, abs=1e-9)  # the mean of a block explains nothing within it
    assert inside["phase"] < inside["block and phase"] < 1
    assert inside["block and phase"] > 0.8
    assert found["lag_s"]["mean"] == 0
    assert set(found["by_target"]) == {"index_mcp", "index_ip"}
    assert set(found["within_blocks"]["decoder"]["by_person"]) == {"P1", "P22"}


def test_the_lag_is_that_of_the_signal() -> None:
    found = target_report(estimate(decoder(), [session("P1", late=15)]))
    assert found["lag_s"]["mean"] == pytest.approx(0.15)
    assert found["lag_s"]["low"] is None  # one person has no interval


def test_a_lag_is_not_found_over_a_gap() -> None:
    """A small peak comes back two hops later, in its piece; a large one a hop later, in the next piece."""
    truth, said = np.zeros((40, 1)), np.zeros((40, 1))
    truth[5], said[7] = 1, 1
    truth[19], said[20] = 3, 3
    blocks = np.full(40, "one")
    assert lag_s(said, truth, blocks, np.zeros(40), 0.05) == pytest.approx(0.05)
    assert lag_s(said, truth, blocks, np.repeat([0, 1], 20), 0.05) == pytest.approx(0.1)


def test_r2_within_blocks_forgets_what_the_block_tells() -> None:
    blocks = np.repeat(["a", "b"], 50)
    inner = np.random.default_rng(0).normal(size=(100, 2))
    truth = inner + np.where(blocks == "a", 5, -5)[:, None]
    means = truth - around(truth, blocks)
    assert explained(means, truth).min() > 0.9
    np.testing.assert_allclose(explained(means, truth, blocks), 0, atol=1e-9)
    np.testing.assert_allclose(explained(truth + 3, truth, blocks), 1)
    assert np.isnan(explained(truth, 0 * truth)).all()


def test_clocks_are_those_of_the_calibration_run_alone() -> None:
    mine = session("P1")
    still = tuple(replace(one, targets=replace(one.targets, values=0 * one.targets.values)) for one in mine.calibration)
    found = estimate(decoder(), [replace(mine, calibration=still)])
    assert all((found.clocks[name] == 0).all() for name in CLOCKS)
    for nothing in ((), (replace(mine.calibration[0], targets=None),)):
        assert estimate(decoder(), [replace(mine, calibration=nothing)]).clocks == {}


def test_what_has_no_targets_is_refused() -> None:
    silent = replace(session("P1"), recordings=(replace(recording("P1", "1"), targets=None),))
    with pytest.raises(NeuroMotionError, match="has no target index_mcp, index_ip"):
        estimate(decoder(), [silent])
    still = replace(recording("P1", "1"), targets=Targets(("index_mcp", "index_ip"), np.zeros((2, 400), np.float32)))
    with pytest.raises(NeuroMotionError, match="No target of P1 moves"):
        target_report(estimate(decoder(), [replace(session("P1"), recordings=(still,))]))


def test_the_card_names_clocks_and_says_where_they_explain_more() -> None:
    class Nothing(Last):
        def predict(self, windows: np.ndarray) -> np.ndarray:
            return 0 * windows[:, :, -1]

    good, bad = (target_report(estimate(decoder(one), [session("P1"), session("P22")])) for one in (None, Nothing()))
    assert target_limits({"test": good}) == []
    told = target_limits({"test": bad})
    assert len(told) == 2
    assert told[0] == "On test it is not shown to explain anything within blocks."
    assert "a clock without a signal" in told[1]
    text = "\n".join(target_sections({"test": good}, "card.png"))
    for part in ("| test | 2 | 312 | the decoder | 1.000", "clock: mean of both", "(card.png)", "| P22 | 1.000 |"):
        assert part in text, part
    assert in_text({"mean": -0.0001, "low": None, "high": None}, ".2f") == "0.00"
    assert in_text({"mean": 0.1, "low": -0.2, "high": -0.001}, ".2f") == "0.10 [-0.20, 0.00]"
