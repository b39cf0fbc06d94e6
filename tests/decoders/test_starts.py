"""A last layer that is searched for from many people: two kinds of wearers, however their band lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.decoders import starts
from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement
from neuromotion_gym.decoders.population import FIELDS, POPULATION, Population
from neuromotion_gym.decoders.starts import EVIDENCE, MOST, TRIED, Starts, read_people
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

COUNT, SPREAD, EACH = 8, 0.2, 12
ONE = np.log([[1, 1, 1, 1, 1, 1, 1, 1], [9, 5, 1, 1, 2, 1, 1, 1], [1, 1, 7, 9, 1, 1, 1, 1], [2, 1, 1, 1, 1, 9, 1, 2]])
OTHER = ONE[[0, 2, 3, 1]] + [[0], [1], [1], [1]] * np.array([0, 0, 0, 0, 1.5, 0, 0, 0])
"""Log amplitudes of two kinds of people: what is one gesture for the first is nearly another one for the second."""
WORN = [PLAIN, Arrangement(7), Arrangement(2), Arrangement(6, mirrored=True)]


def people() -> Starts:
    """Six recordings of each kind; their mean is of nobody."""
    generator = np.random.default_rng(0)
    means = np.concatenate([kind + 0.1 * generator.normal(size=(6, *ONE.shape)) for kind in (ONE, OTHER)]) / SPREAD
    common = means.mean(axis=0)
    ways = (means - common) / np.sqrt(len(means) - 1)
    counted = np.full(2 * COUNT, 0.5)
    counted[[0, 7]] += 9, 3
    return Starts(
        common, np.eye(COUNT) / SPREAD, ways, 0.5, 0.5, COUNT, True, means, np.log(counted / counted.sum())
    )  # fmt: skip


def worn(kind: np.ndarray, arrangement: Arrangement = PLAIN, each: int = EACH) -> tuple[np.ndarray, np.ndarray]:
    """Chunks of a new wearer, and their labels."""
    generator = np.random.default_rng(1)
    truth = np.tile(np.arange(len(kind)), each)
    chunks = np.empty((len(truth), COUNT))
    own = kind + 0.1 * generator.normal(size=kind.shape)
    chunks[:, arrangement.order(COUNT)] = own[truth] + SPREAD * generator.normal(size=chunks.shape)
    return chunks, truth


def right(model: Population, chunks: np.ndarray, truth: np.ndarray) -> float:
    """Share of chunks that the most probable last layer decodes rightly."""
    fit = model.fit(chunks, np.arange(model.candidates))
    best = int(np.argmax(fit.score))
    head = model.head(fit.means[best], best)
    return float(((chunks @ head[:, :-1].T + head[:, -1]).argmax(axis=1) == truth).mean())


@pytest.mark.parametrize("arrangement", WORN)
@pytest.mark.parametrize("kind", [ONE, OTHER], ids=["one", "other"])
def test_either_kind_of_wearer_is_found_however_the_band_lies(kind: np.ndarray, arrangement: Arrangement) -> None:
    assert right(people(), *worn(kind, arrangement)) > 0.97


def test_from_the_mean_of_all_alone_a_kind_of_wearer_is_not_found() -> None:
    model = people()
    plain = Population(**{name: getattr(model, name) for name in (*FIELDS, "channels", "ring")})
    assert min(right(plain, *worn(kind)) for kind in (ONE, OTHER)) < 0.8


def test_of_two_arrangements_that_explain_the_same_the_usual_one_is_taken() -> None:
    model = people()
    even = np.full(2 * COUNT, -np.log(2 * COUNT))
    chunks, _ = worn(ONE, Arrangement(3), each=3)
    scores = [replace(model, usual=usual).fit(chunks, np.arange(2 * COUNT)).score for usual in (model.usual, even)]
    both = np.isfinite(scores[0]) & np.isfinite(scores[1])
    assert both.any()
    np.testing.assert_allclose((scores[0][both] - scores[1][both]), (model.usual - even)[both], atol=1e-6)


def test_only_promising_arrangements_are_fitted() -> None:
    model = people()
    fit = model.fit(worn(ONE)[0], np.arange(2 * COUNT))
    assert 1 <= np.isfinite(fit.score).sum() <= TRIED
    assert np.argmax(fit.score) == 0
    np.testing.assert_array_equal(fit.means[~np.isfinite(fit.score)][0], model.means)
    some = model.fit(worn(ONE)[0], np.array([0, 5]))
    assert some.means.shape == (2, *ONE.shape)
    assert np.argmax(some.score) == 0


def test_a_long_history_weighs_as_much_as_all_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, every, (chunks, _) = people(), np.arange(2 * COUNT), worn(ONE, each=MOST // 4)
    long = model.fit(np.repeat(chunks, 4, axis=0), every)
    monkeypatch.setattr(starts, "EVIDENCE", 4 * EVIDENCE)
    short = model.fit(chunks, every)
    np.testing.assert_allclose(long.score, short.score)
    np.testing.assert_allclose(long.means, short.means)


def test_it_is_read_as_it_was_written_and_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    model, shape = people(), (4, COUNT + 1)
    model.write(tmp_path)
    read = read_people(tmp_path, shape, COUNT, ring=True)
    assert isinstance(read, Starts)
    chunks, every = worn(OTHER)[0], np.arange(2 * COUNT)
    np.testing.assert_array_equal(read.fit(chunks, every).means, model.fit(chunks, every).means)
    with pytest.raises(NeuroMotionError, match=r"starts \(12, 4, 8\), usual \(16,\).*, \(1,\), are expected"):
        read_people(tmp_path, shape, COUNT, ring=False)
    replace(model, starts=model.starts[:, :3]).write(tmp_path)
    with pytest.raises(NeuroMotionError, match=r"starts \(12, 3, 8\).* starts of shape \(n, 4, 8\)"):
        read_people(tmp_path, shape, COUNT, ring=True)
    with np.load(tmp_path / POPULATION) as stored:
        np.savez(tmp_path / POPULATION, **{name: stored[name] for name in FIELDS})
    assert type(read_people(tmp_path, shape, COUNT, ring=True)) is Population
