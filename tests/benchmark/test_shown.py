"""Numbers in tables: no NaN, whatever is missing."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.benchmark.figures import rate_of_information, rate_over_people
from neuromotion_gym.benchmark.shown import count, limits, mean_and_limits, number
from neuromotion_gym.statistics import Interval

NAN = float("nan")


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        (number(2.345, ".1f", " s"), "2.3 s"),
        (number(NAN, ".1f", " s"), "–"),
        (limits(Interval(0.5, 0.25, 0.75)), "0.25 to 0.75"),
        (limits(Interval(0.5, NAN, NAN)), "–"),
        (mean_and_limits(Interval(0.5, 0.25, 0.75), "+.2f"), "+0.50 [+0.25, +0.75]"),
        (mean_and_limits(Interval(0.5, NAN, NAN)), "0.50"),
        (mean_and_limits(Interval(NAN, NAN, NAN)), "–"),
        (count(1, "person", "people"), "1 person"),
        (count(2, "person", "people"), "2 people"),
    ],
)
def test_what_is_missing_is_a_dash(shown, right):
    assert shown == right


def test_one_person_has_no_interval():
    one = (np.array([True, False]), ["a", "a"])
    assert mean_and_limits(rate_over_people(*one)) == "0.50"
    rate = rate_of_information(np.array([True]), np.array([30.0]), ["a"], 4)
    assert mean_and_limits(rate) == "4.00"
