from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial

torch = pytest.importorskip("torch", reason="needs the extra train")

import mock_data  # noqa: E402

from neuromotion_gym.training.windows.instants import training_windows  # noqa: E402

LENGTH, WINDOW = 50, 5


@pytest.fixture
def recipe() -> Recipe:
    content = {**mock_data.RECIPE, "decoder": {**mock_data.RECIPE["decoder"], "window": WINDOW}}
    return Recipe.model_validate(content)


def sessions() -> list[Session]:
    """Two people with eight trials each; every sample is another number."""
    found = []
    for number, person in enumerate(("P1", "P2")):
        samples = 1000.0 * number + np.arange(8 * LENGTH) + np.array([[0.0], [0.5]])
        trials = [Trial(mock_data.LABELS[i % 2], i * LENGTH, (i + 1) * LENGTH, has_onset=False) for i in range(8)]
        spec = SignalSpec("emg", ("a", "b"), 100.0, "mV")
        one = Recording(samples.astype(np.float32), spec, tuple(trials), mock_data.NAME, person)
        found.append(Session(mock_data.NAME, person, "0", (one,)))
    return found


def ends(cut) -> set[float]:
    """Last sample of each window, which is an instant."""
    return set(cut.windows(np.arange(len(cut.labels)))[:, 0, -1].tolist())


def test_instants_are_drawn_from_each_trial(recipe: Recipe) -> None:
    cut = training_windows(recipe, sessions(), per_trial=7)
    assert np.bincount(cut.trials).tolist() == [7] * 16
    assert len(ends(cut)) == 112
    windows = cut.windows(np.arange(112))
    assert (windows[:, 0, -1] - windows[:, 0, 0] == WINDOW - 1).all()
    inside = windows[:, 0] % 1000 // LENGTH
    assert (inside == inside[:, :1]).all()
    assert (inside[:, 0] % 2 == cut.labels).all()
    assert (windows[:, 0, 0] // 1000 == cut.people).all()
    assert ends(training_windows(recipe, sessions(), per_trial=7)) == ends(cut)
    assert ends(training_windows(recipe, sessions(), per_trial=7, seed=1)) != ends(cut)
    assert len(training_windows(recipe, sessions()).labels) == 16 * (LENGTH - WINDOW + 1)


@pytest.mark.parametrize("split_by", ["trial", "subject"])
def test_folds_keep_their_units_whole(recipe: Recipe, split_by: str) -> None:
    folds = 4 if split_by == "trial" else 2
    seen: list[float] = []
    for fold in range(folds):
        options = {"per_trial": 5, "split_by": split_by, "folds": folds, "fold": fold}
        train, test = (training_windows(recipe, sessions(), **options, held_out=out) for out in (False, True))
        assert len(train.labels) + len(test.labels) == 80
        step = 1000 if split_by == "subject" else LENGTH
        assert not {one // step for one in ends(train)} & {one // step for one in ends(test)}
        seen += ends(test)
    assert len(seen) == len(set(seen)) == 80


def test_single_instants_are_dealt_as_the_source_deals_them(recipe: Recipe) -> None:
    options = {"per_trial": 6, "split_by": "instant", "folds": 1}
    train, test = (training_windows(recipe, sessions(), **options, held_out=out) for out in (False, True))
    assert (len(train.labels), len(test.labels)) == (48, 48)  # with one fold, half of the instants
    assert not ends(train) & ends(test)
    trials = [{one // LENGTH for one in ends(cut)} for cut in (train, test)]
    assert len(trials[0] & trials[1]) >= 12  # the same contractions are on both sides
    parts = [training_windows(recipe, sessions(), per_trial=6, split_by="instant", folds=3, fold=i, held_out=True)
             for i in range(3)]  # fmt: skip
    assert [len(part.labels) for part in parts] == [24, 24, 24]  # a fourth slice is never held out


def test_what_cannot_be_held_out_is_refused(recipe: Recipe) -> None:
    with pytest.raises(NeuroMotionError, match="fold is 3; it lies between 0 and 2"):
        training_windows(recipe, sessions(), folds=3, fold=3)
    with pytest.raises(NeuroMotionError, match="held_out needs folds"):
        training_windows(recipe, sessions(), held_out=True)
    with pytest.raises(NeuroMotionError, match="per_trial is 0"):
        training_windows(recipe, sessions(), per_trial=0)
    long = recipe.model_copy(update={"decoder": recipe.decoder.model_copy(update={"window": LENGTH + 1})})
    with pytest.raises(NeuroMotionError, match="No instant of still, press is left"):
        training_windows(long, sessions())
    first = [
        replace(one, recordings=tuple(replace(r, trials=r.trials[:1]) for r in one.recordings)) for one in sessions()
    ]
    with pytest.raises(NeuroMotionError, match="No instant of press is left"):
        training_windows(recipe, first)
