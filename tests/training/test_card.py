"""Cards and ``metrics.json``; the committed ones are compared in `tests/decoders/test_every_decoder.py`."""

from __future__ import annotations

import struct

import numpy as np

from neuromotion_gym.decoders.folders import MODEL, decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.training.card import card
from neuromotion_gym.training.card_picture import DPI, INCHES, write_picture
from neuromotion_gym.training.metrics_file import METRICS, current_metrics, write_metrics


def test_a_card_of_a_data_set_that_is_not_known_has_no_contrasts(tiny, tiny_folder):
    text = card(load_recipe(tiny_folder), {})
    assert "left, right" in text
    assert "eyes" not in text


def test_a_card_names_the_licences_of_all_data_sets_and_says_that_nobody_is_adapted_without_a_calibration_run():
    text = card(load_recipe(decoder_folder("emg_armband_anew")), {})
    assert (
        "\n| data | myo_readings_8ch and myo_armband and myo_armband_pretraining_8ch, licence MIT and GPL-3.0 |" in text
    )
    assert "\n| weights | the data's licences, MIT and GPL-3.0 |" in text
    assert "not adapted, since there is no calibration run" in text
    assert "\n- Fitted on 3 data sets: their devices, electrodes" in text
    other = card(load_recipe(decoder_folder("emg_armband_follows")), {})
    assert "\n| weights | the data's licence, GPL-3.0 |" in other
    assert "here it is that of the unlabelled calibration run" in other


def figures(mean: float, low: float | None, people: int) -> dict:
    score = {"mean": mean, "low": low, "high": None if low is None else 1.0}
    one = {"balanced_accuracy": score, "people": people, "by_person": {}, "chance": {"mean": 0.5, "upper_95": 0.6}}
    return {
        "labels": ["left", "right"],
        "windows": 9,
        "per_window": one,
        "per_trial": one,
        "confusion": [[3, 1], [2, 3]],
        "expected_calibration_error": 0.1,
        "reliability": [{"confidence": 0.7, "accuracy": 0.6, "windows": 9}],
    }


def test_limits_say_how_few_people_there_are_and_where_chance_is_not_excluded(tiny, tiny_folder):
    recipe = load_recipe(tiny_folder)
    text = card(recipe, {"parts": {"tune": figures(0.7, 0.65, 3), "test": figures(0.7, 0.59, 3)}, "training_s": 300})
    assert "All figures are of 3 people or fewer" in text
    assert "On test its accuracy is not shown to be above chance." in text
    assert "On tune its accuracy" not in text
    assert "| training time | about 5 min of processor time, reading included |" in text
    alone = card(
        recipe, {"folds": {"count": 5, "of": "run", **figures(0.9, 0.8, 5)}, "parts": {"test": figures(0.7, None, 1)}}
    )
    assert "All figures are of one person" in alone
    assert "not shown to be above chance" not in alone


def test_figures_of_an_older_graph_do_not_stand(tmp_path):
    (tmp_path / MODEL).write_bytes(b"graph")
    (tmp_path / METRICS).write_text('{"parts": {"test": 1}}')
    first = current_metrics(tmp_path)
    assert first["parts"] == {"test": 1}  # it does not say of which graph they are
    assert write_metrics(tmp_path, first | {"time": 0.123456})["time"] == 0.1235
    assert current_metrics(tmp_path) == first | {"time": 0.1235}
    (tmp_path / MODEL).write_bytes(b"another graph")
    again = current_metrics(tmp_path)
    assert set(again) == {"model"}
    assert again["model"] != first["model"]


def test_the_picture_has_a_row_for_every_report(tmp_path):
    write_picture(tmp_path / "card.png", {"tune": figures(0.7, None, 1), "test": figures(0.7, None, 1)})
    width, height = struct.unpack(">II", (tmp_path / "card.png").read_bytes()[16:24])
    assert (width, height) == (round(INCHES[0] * DPI), round(2 * INCHES[1] * DPI))


def test_the_picture_grows_with_many_labels(tmp_path):
    """The numbers in the matrix would lie on each other."""
    many = {**figures(0.7, None, 1), "labels": [f"finger_{row}" for row in range(16)], "confusion": np.eye(16).tolist()}
    write_picture(tmp_path / "card.png", {"test": many})
    width, height = struct.unpack(">II", (tmp_path / "card.png").read_bytes()[16:24])
    assert (width, height) == (round(1.5 * DPI * INCHES[0]), round(2 * DPI * INCHES[1]))
