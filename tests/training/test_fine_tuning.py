from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.recipe import Recipe, TrainingRecipe
from neuromotion_gym.errors import NeuroMotionError

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

import mock_data  # noqa: E402

from neuromotion_gym.training.digest import training_digest  # noqa: E402
from neuromotion_gym.training.fine_tuning import (  # noqa: E402
    also_fitted_on,
    freeze,
    refuse_if_seen,
    start_from,
)
from neuromotion_gym.training.folds import fold_recipe  # noqa: E402
from neuromotion_gym.training.train import DecoderTraining  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def network(outputs: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, outputs))


def test_fine_tuning_starts_from_the_weights_that_fit(tmp_path: Path) -> None:
    other = network(5)
    torch.save(other.state_dict(), tmp_path / "model.pt")
    mine = network(2)
    last = mine[2].weight.clone()
    with pytest.warns(UserWarning, match=r"without 2\.weight, 2\.bias"):
        start_from(mine, str(tmp_path / "model.pt"))
    assert torch.equal(mine[0].weight, other[0].weight)
    assert torch.equal(mine[2].weight, last)
    start_from(again := network(5), str(tmp_path / "model.pt"))
    assert torch.equal(again[2].bias, other[2].bias)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2)}, tmp_path / "model.pt")
    with pytest.raises(NeuroMotionError, match=r"none of its 1 weights fits; the network has 0\.weight"):
        start_from(network(2), str(tmp_path / "model.pt"))
    (tmp_path / "model.pt").write_bytes(b"nothing")
    with pytest.raises(NeuroMotionError, match="Training cannot start from"):
        start_from(network(2), str(tmp_path / "model.pt"))


def test_what_the_network_before_was_fitted_on_counts(tmp_path: Path) -> None:
    own = FittedOn(dataset="mock", people=("P3",), runs={"P3": ("1",)})
    before = FittedOn(dataset="mock", people=("P1",), runs={"P1": ("1", "2")})
    unknown = also_fitted_on(own, str(tmp_path / "model.pt"))
    assert not unknown.complete
    with pytest.raises(NeuroMotionError, match=r"not known what it was fitted on, so that P3 cannot be held out"):
        refuse_if_seen(str(tmp_path / "model.pt"), "mock", ["P3"])
    wearer = FittedOn(dataset="mock", people=("P2",), runs={"P2": ("0",)})
    write_fitted_on(tmp_path, before.model_copy(update={"also": (wearer,)}))
    record = also_fitted_on(own, str(tmp_path / "model.pt"))
    assert record.complete
    assert record.shared_with("mock", dict.fromkeys(("P1", "P2", "P3", "P4"), ("0", "1"))) == {
        "P1": ("1",),
        "P2": ("0",),
        "P3": ("1",),
    }
    refuse_if_seen(str(tmp_path / "model.pt"), "mock", ["P4"])
    refuse_if_seen(str(tmp_path / "model.pt"), "another", ["P1"])
    for held_out in ("P2", "1"):  # a person, and a run where folds hold out runs
        with pytest.raises(NeuroMotionError, match=rf"was fitted on {held_out}: they cannot be held out"):
            refuse_if_seen(str(tmp_path / "model.pt"), "mock", ["P4", held_out])


def test_other_weights_to_start_from_are_another_training(mock_band: Path, tmp_path: Path) -> None:
    content = {**mock_data.RECIPE, "training": {"start_from": str(tmp_path / "model.pt")}}
    digests = []
    for weights in (b"some", b"others"):
        (tmp_path / "model.pt").write_bytes(weights)
        digests.append(training_digest(Recipe(**content), "train", root=mock_band))
    assert digests[0] != digests[1]


def test_a_fold_has_nothing_to_stop_at() -> None:
    content = {**mock_data.RECIPE, "training": {"stop_at": 0.9, "keep": "best"}}
    training = fold_recipe(Recipe(**content)).training
    assert (training.stop_at, training.keep) == (None, "last")


def test_frozen_parts_stay_as_they_are() -> None:
    mine = network(2)
    freeze(mine, ("0",))
    assert [one.requires_grad for one in mine.parameters()] == [False, False, True, True]
    with pytest.raises(NeuroMotionError, match="names 'stem'; parts of the network: 0, 1, 2"):
        freeze(mine, ("stem",))
    with pytest.raises(NeuroMotionError, match="leaves nothing to train"):
        freeze(mine, ("0", "2"))


def test_an_epochs_schedule_and_a_decay_of_all_are_those_of_the_source(mock_band) -> None:
    options = {"epochs": 5, "learning_rate": 3e-4, "weight_decay": 3e-4, "schedule": "epochs", "decay": "all"}
    recipe = {**mock_data.RECIPE, "training": options}
    module = DecoderTraining(recipe)
    module.network.weight = torch.nn.Parameter(torch.zeros(2, 2))
    module.network.bias = torch.nn.Parameter(torch.zeros(2))
    found = module.configure_optimizers()
    decays = {one["weight_decay"]: len(one["params"]) for one in found["optimizer"].param_groups if one["params"]}
    assert decays == {3e-4: 2}
    rates = []
    for _ in range(6):
        rates.append(found["optimizer"].param_groups[0]["lr"])
        found["optimizer"].step()
        found["lr_scheduler"].step()
    cosine = [3e-4 * (1 + torch.cos(torch.tensor(torch.pi * epoch / 5)).item()) / 2 for epoch in range(6)]
    assert rates == pytest.approx(cosine, abs=1e-9)
    assert (TrainingRecipe().schedule, TrainingRecipe().decay, TrainingRecipe().clip) == ("steps", "weights", 1.0)
