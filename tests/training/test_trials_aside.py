"""Whole trials set aside of people who are trained on; training of one logit; a learning rate that falls in steps."""

from __future__ import annotations

import copy
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from test_train import RECIPE

from neuromotion_gym.decoders.recipe import Recipe, TrialsAside
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.trials_aside import TRIALS_ASIDE, decide_trials_aside, split_trials

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")


def content(**sections) -> dict:
    made = copy.deepcopy(RECIPE)
    for name, changes in sections.items():
        made[name] |= changes
    return made


def test_trials_are_whole_and_as_many_as_asked_for_of_each_label() -> None:
    trials = np.repeat(np.arange(200), 3)
    windows = SimpleNamespace(trials=trials, labels=trials % 2, people=trials // 50)
    parts = split_trials(windows, TrialsAside(tune=0.1, test=0.09, seed=42))
    numbers = [np.unique(part.trials) for part in parts]
    assert [len(found) for found in numbers] == [162, 20, 18]
    assert sorted(np.concatenate(numbers)) == list(range(200))
    assert [len(part.rows) for part in parts] == [486, 60, 54]
    assert [np.bincount(found % 2).tolist() for found in numbers] == [[81, 81], [10, 10], [9, 9]]
    again = split_trials(windows, TrialsAside(tune=0.1, test=0.09, seed=43))
    assert not np.array_equal(again[2].rows, parts[2].rows)


ASIDE = {"tune": None, "trials_aside": {"tune": 0.25, "test": 0.25, "seed": 1}}


def test_neither_of_the_two_is_trained_on(small_myo, tmp_path, monkeypatch) -> None:
    from neuromotion_gym.training import train as training

    made = Recipe(**content(decoder={"split": "trial"}, data=ASIDE, training={"epochs": 1, "tune_every": 1}))
    given = []
    gradient = training._gradient
    monkeypatch.setattr(training, "_gradient", lambda *given_: given.append(given_) or gradient(*given_))
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    folder = training.train(made, tmp_path / "x", root=small_myo, progress=False)
    _, _, trained, tune, *_ = given[0]
    assert (len(trained.rows), len(tune.rows)) == (3 * 8 * 28 // 2, 3 * 8 * 28 // 4)
    assert not set(trained.trials) & set(tune.trials)
    assert "tune_accuracy" in json.loads((folder / "history.json").read_text())[0][0]


def test_their_figures_name_the_people_as_seen(small_myo, tmp_path) -> None:
    from neuromotion_gym.decoders.folders import decoder_folder
    from neuromotion_gym.decoders.recipe import load_recipe
    from neuromotion_gym.training.report import evaluate

    folder = tmp_path / "aside"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    recipe = load_recipe(folder).model_dump(mode="json", exclude_defaults=True)
    recipe["decoder"]["split"] = "trial"
    recipe["data"] |= ASIDE
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    figures = evaluate(folder, parts=(), root=small_myo)["parts"][TRIALS_ASIDE]
    assert figures["trials"] == 8 * 28 // 4
    assert figures["seen_in_training"] == sorted(figures["per_window"]["by_person"])
    assert "**On trials_aside the decoder was trained on recordings of " in (folder / "card.md").read_text()
    with pytest.raises(NeuroMotionError, match="sets no trials aside"):
        decide_trials_aside(SimpleNamespace(), Recipe(**RECIPE), root=small_myo)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"tune": None, "trials_aside": {}}}, "needs decoder.split 'trial'"),
        ({"decoder": {"split": "trial"}, "data": {"trials_aside": {}}}, "and data.tune null"),
        (
            {"decoder": {"split": "trial"}, "data": {"tune": None, "trials_aside": {"tune": 0.5, "test": 0.5}}},
            "leave no trials to train on",
        ),
        ({"training": {"schedule": "milestones"}}, r"milestones: rising numbers of epochs from 1 on, not \[\]"),
        ({"training": {"milestones": [3]}}, "schedule 'milestones', and it alone"),
        ({"training": {"schedule": "milestones", "milestones": [5, 3]}}, r"not \[5, 3\]"),
    ],
)
def test_recipes_that_contradict_themselves_are_refused(changes, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        Recipe(**content(**changes))


def training(labels: list[str], **changes):
    from neuromotion_gym.training.train import DecoderTraining

    channels = [f"c{number}" for number in range(8)]
    made = content(
        decoder={"labels": labels, "effort": False, "output": "logit", "positive": "right", "channels": channels}
    )
    made |= {"network": {"name": "cnn_transformer"}, "training": changes}
    return DecoderTraining(Recipe(**made))


@pytest.mark.parametrize("labels", [["left", "right"], ["right", "left"]])
def test_the_loss_of_one_logit_is_the_binary_cross_entropy_of_the_positive_label(labels) -> None:
    module = training(labels).eval()
    window = torch.randn(6, 8, 40)
    truth = torch.tensor([0, 1, 1, 0, 1, 0])
    with torch.no_grad():
        logit = module.network(window)[0][:, 0]
        found = torch.nn.functional.cross_entropy(module.log_probabilities([window]), truth)
    positive = (truth == labels.index("right")).float()
    assert found.item() == pytest.approx(
        torch.nn.functional.binary_cross_entropy_with_logits(logit, positive).item(), rel=1e-5
    )


def test_the_learning_rate_is_a_tenth_after_each_milestone() -> None:
    configured = training(["left", "right"], schedule="milestones", milestones=[2, 3], learning_rate=5e-4)
    made = configured.configure_optimizers()
    rates = []
    for _ in range(4):
        rates.append(made["optimizer"].param_groups[0]["lr"])
        made["optimizer"].step()
        made["lr_scheduler"].step()
    assert rates == pytest.approx([5e-4, 5e-4, 5e-5, 5e-6])
