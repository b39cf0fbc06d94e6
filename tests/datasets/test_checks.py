"""The general suite over data sets holds for ours, and finds what is wrong with one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checks import check_dataset
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

FEW = {
    "eegmmidb": ["S001", "S006", "S031", "S036"],
    "flexemg_64ch": ["s001"],
    "leg_isometric_elderly": ["ID05-06", "ID19", "ID30"],
    "myo_armband_pretraining_8ch": ["pre_Female0", "pre_Female2", "pre_Male10"],
    "myo_readings_8ch": ["l55555", "r10101"],
    "ninapro_db1_a": ["s09", "s12"],
    "unibo_inail_4ch": ["u1"],
}
"""Of data sets that take long to read, some people."""
NOT_AT_HAND = ("csl_hdemg", "enabl3s", "ice_lab_hdemg")


@pytest.mark.parametrize("name", registry.dataset_names())
def test_shipped_data_sets_are_what_their_facts_say(name: str, data_root: Path) -> None:
    if name in NOT_AT_HAND:
        pytest.skip("the recordings are not at hand; the reader is tested on files written in the published format")
    check_dataset(name, root=data_root, subjects=FEW.get(name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_hz": 250.0}, "recorded at 200 Hz, myo_armband otherwise at 250 Hz"),
        ({"unit": "V"}, "in V"),
        ({"has_onset": True}, "has_onset=False, but myo_armband says True"),
        ({"rest": "sleep"}, "no trial of 'sleep'"),
        ({"ocular_channels": ("Fp1",)}, "lacks the ocular channels Fp1"),
    ],
)
def test_a_wrong_fact_is_found(
    changes: dict[str, object], message: str, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(registry.dataset("myo_armband"), **changes)
    monkeypatch.setattr(registry, "dataset", lambda name: wrong)
    with pytest.raises(NeuroMotionError, match=message):
        check_dataset("myo_armband", root=data_root, subjects=["Male6"])


def test_an_unknown_person_is_named() -> None:
    with pytest.raises(NeuroMotionError, match="no recordings of Nobody"):
        check_dataset("myo_armband", subjects=["Nobody"])
