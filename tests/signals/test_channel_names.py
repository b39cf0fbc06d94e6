from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched, renamings


@pytest.mark.parametrize(
    ("wanted", "given_name"),
    [
        ("FC5", "Fc5."),
        ("C3", "C3.."),
        ("C3", "EEG C3-REF"),
        ("C3", "EEG C3-Ref"),
        ("C3", "EEG:C3"),
        ("C3", "eeg c3"),
        ("Fp1", "EEG FP1-LE"),
        ("C3", "C3-A2"),
        ("C3", "C3-M1M2"),
        ("T7", "T3"),
        ("T8", "EEG T4-REF"),
        ("P7", "T5"),
        ("P8", "t6"),
        ("T3", "T7"),
        ("emg_1", "EMG 1"),
        ("emg_1", "EMG1"),
        ("C3-P3", "C3P3"),
        ("Biceps", "EMG Biceps"),
        ("EEG C3-REF", "C3"),
    ],
)
def test_names_of_one_electrode(wanted, given_name) -> None:
    assert matched([wanted], ["other", given_name]) == {wanted: given_name}
    assert renamings(matched([wanted], [given_name])) == f"{given_name} is {wanted}"


@pytest.mark.parametrize(
    ("wanted", "given_name"),
    [("C3", "C4"), ("C3", "C3-P3"), ("C3", "CP3"), ("T7", "T5"), ("emg_1", "emg_10"), ("1", "EMG 1"), ("O1", "EOG1")],
)
def test_names_of_two_electrodes(wanted, given_name) -> None:
    assert matched([wanted], [given_name]) == {}


def test_an_equal_name_comes_first_and_fewer_changes_before_more() -> None:
    assert matched(["C3"], ["EEG C3-REF", "C3", "c3"]) == {"C3": "C3"}
    assert matched(["T7"], ["T3", "t7"]) == {"T7": "t7"}
    assert matched(["T7", "T3"], ["T3", "T7"]) == {"T7": "T7", "T3": "T3"}
    assert matched(["T3", "T7"], ["T7"]) == {"T7": "T7"}


def test_what_is_not_clear_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"Channel 'C3' may be any of 'C3-A1', 'C3-A2'; say which with a map"):
        matched(["C3"], ["C3-A1", "C3-A2"])
    with pytest.raises(NeuroMotionError, match=r"Channel 'T7' matches 'T3' and 't3'; it can be only one"):
        matched(["T3", "t3"], ["T7"])


def test_old_names_are_all_said_and_spellings_counted() -> None:
    wanted = [*(f"C{i}" for i in range(20)), "T7", "P8"]
    said = renamings(matched(wanted, [*(f"c{i}." for i in range(20)), "T3", "EEG T6-REF"]))
    assert said.startswith("T3 is T7, EEG T6-REF is P8, c0. is C0, ")
    assert said.endswith("c7. is C7 and 12 other spellings")


@given(st.lists(st.text(max_size=6), unique=True), st.lists(st.text(max_size=6), unique=True))
def test_no_names_break_it(wanted, given_names) -> None:
    try:
        found = matched(wanted, given_names)
    except NeuroMotionError:
        return
    assert set(found) <= set(wanted)
    assert set(found.values()) <= set(given_names)
    assert len(set(found.values())) == len(found)
    assert all(found[name] == name for name in wanted if name in given_names)
