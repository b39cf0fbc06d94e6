"""The page on stable-baselines3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.client
pytest.importorskip("stable_baselines3", reason="needs stable-baselines3")


def test_a_policy_is_trained_and_its_episodes_counted(tmp_path: Path) -> None:
    printed = run(scripts("stable_baselines3")[0], tmp_path)
    found = re.search(r"(\d+) of (\d+) episodes succeeded", printed)
    assert found
    assert 0 <= int(found[1]) <= int(found[2])
    assert int(found[2]) >= 16


def test_an_algorithm_with_discrete_actions_chooses_labels(tmp_path: Path) -> None:
    assert "Discrete(7)" in run(scripts("stable_baselines3")[1], tmp_path)
