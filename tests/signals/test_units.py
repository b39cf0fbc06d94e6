from __future__ import annotations

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.units import factor, unit_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("V", "V"),
        ("volts", "V"),
        ("mv", "mV"),
        ("Millivolt", "mV"),
        ("uV", "µV"),
        ("UV", "µV"),
        ("\u00b5V", "µV"),
        ("\u03bcV", "µV"),
        (" microvolts ", "µV"),
        ("nV", "nV"),
        ("counts", "count"),
        ("n/a", ""),
        ("", ""),
        ("MV", "MV"),
        ("a.u.", "a.u."),
    ],
)
def test_one_name_for_a_unit(text, name) -> None:
    assert unit_name(text) == name
    assert unit_name(name) == name


@pytest.mark.parametrize(
    ("given", "wanted", "by"),
    [("uV", "V", 1e-6), ("V", "µV", 1e6), ("mV", "µV", 1e3), ("nV", "mV", 1e-6), ("V", "volt", 1), ("a.u.", "a.u.", 1)],
)
def test_factors(given, wanted, by) -> None:
    assert factor(given, wanted) == pytest.approx(by, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        ("count", "V", "'count' cannot be converted to 'V'"),
        ("MV", "V", "'MV' cannot be converted"),
        ("", "V", "unit of the samples is not known"),
        ("V", "n/a", "unit that is wanted is not known"),
    ],
)
def test_what_cannot_be_converted(given, wanted, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        factor(given, wanted)
    with pytest.raises(NeuroMotionError, match="A unit is a text"):
        unit_name(3)
