"""Pictures of a report: every mark stands where its number is, and everything is said in words, too."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neuromotion_gym.benchmark.pictures import BOUNDS, Bar, Scatter, offline_picture, success_picture, time_picture
from neuromotion_gym.statistics import Interval

NAN = float("nan")


def bar(**changes) -> Bar:
    facts = {
        "decoder": "net",
        "controller": "argmax",
        "control": False,
        "success": Interval(0.5, 0.25, 0.75),
        "rates": np.array([0.25, 0.25, 1.0]),
        "bounds": {"oracle": 0.9, "shuffled": 0.1, "chance": 0.125},
        "times_s": np.array([4.0, 6.0, 8.0]),
        "person_times_s": np.array([4.0, 8.0]),
        "oracle_time_s": 5.0,
    }
    return Bar(**{**facts, **changes})


def marks(picture: str, kind: str, attribute: str) -> list[float]:
    """Percentages at which marks of a kind stand in the rows, in their order."""
    body = picture.split("</figcaption>")[1]
    return [float(at) for at in re.findall(rf'<\w+ class="{kind}"[^>]*?\b{attribute}="([\d.]+)%?"', body)]


def test_success_has_its_mean_interval_people_and_bounds():
    picture = success_picture([bar()])
    assert marks(picture, "mean", "cx") == [50]
    assert marks(picture, "interval", "x1") == [25]
    assert marks(picture, "interval", "x2") == [75]
    assert sorted(marks(picture, "dot", "cx")) == [25, 25, 100]
    assert marks(picture, "oracle", "x1") == [90]
    assert marks(picture, "shuffled", "x1") == [10]
    assert marks(picture, "chance", "x1") == [12.5]
    assert "net with argmax: success 0.50, 95 % interval 0.25 to 0.75; 3 people from 0.25 to 1.00" in picture
    assert "oracle 0.90, shuffled 0.10, chance 0.12" in picture
    legend = picture.split("</figcaption>")[0]
    assert BOUNDS["oracle"] in legend
    assert BOUNDS["blind"] not in legend


@pytest.mark.parametrize("people", [1, 5, 79])
def test_dots_of_one_value_do_not_hide_each_other(people):
    picture = success_picture([bar(rates=np.full(people, 0.5))])
    places = re.findall(
        r'class="dot" cx="50%" cy="([\d.]+)" r="[\d.]+"(?: transform="translate\(([-\d.]+)\)")?', picture
    )
    assert len(places) == len(set(places)) == people
    offsets = [float(right or 0) for _, right in places]
    assert max(map(abs, offsets)) <= 20


def test_bounds_of_one_value_stand_side_by_side():
    picture = success_picture([bar(bounds={"oracle": 1.0, "shuffled": 0.0, "blind": 0.0, "chance": 0.5})])
    assert '<line class="shuffled" x1="0%" x2="0%" y1="0" y2="54"/>' in picture
    assert '<line class="blind" x1="0%" x2="0%" y1="0" y2="54" transform="translate(3)"/>' in picture
    assert marks(picture, "chance", "x1") == [50]


def test_a_single_person_has_a_dot_and_no_interval():
    one = bar(success=Interval(1.0, NAN, NAN), rates=np.array([1.0]))
    picture = success_picture([one])
    assert marks(picture, "interval", "x1") == []
    assert marks(picture, "mean", "cx") == [100]
    assert "nan" not in picture.lower()


def test_times_are_shares_of_the_time_limit():
    picture = time_picture([bar()], 20.0)
    assert marks(picture, "mean", "cx") == [30]
    assert marks(picture, "interval", "x1") == [25]
    assert marks(picture, "interval", "x2") == [35]
    assert marks(picture, "dot", "cx") == [20, 40]
    assert marks(picture, "oracle", "x1") == [25]
    assert "median 6.0 s, half of all between 5.0 and 7.0 s; oracle 5.0 s" in picture


def test_without_success_or_oracle_there_is_no_time():
    picture = time_picture([bar(times_s=np.zeros(0), person_times_s=np.zeros(0), oracle_time_s=NAN)], 20.0)
    assert "net with argmax: no success" in picture
    assert marks(picture, "mean", "cx") == marks(picture, "oracle", "x1") == []
    assert "nan" not in picture.lower()


def test_a_person_stands_at_accuracy_and_success():
    panel = Scatter("net", "argmax", False, np.array([0.6, 1.0, 0.5]), np.array([0.25, 1.0, 0.0]), 0.8)
    picture = offline_picture([panel])
    assert marks(picture, "dot", "cx") == pytest.approx([20, 100, 0])
    assert marks(picture, "dot", "cy") == pytest.approx([75, 0, 100])
    assert "3 people, rank correlation 0.80" in picture


def test_controls_have_their_own_colour_and_say_so():
    picture = success_picture([bar(), bar(decoder="eyes", control=True)])
    assert "<h3>eyes (control)</h3>" in picture
    assert picture.count('<svg class="control"') == picture.count('<svg class="decoder"') == 1
