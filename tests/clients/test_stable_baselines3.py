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


def test_a_policy_is_trained_and_an_algorithm_with_discrete_actions_chooses_labels(tmp_path: Path) -> None:
    """Both scripts in one process, with a quarter of the limbs and of the steps or fewer."""
    script = "\n".join(scripts("stable_baselines3"))
    for written, smaller in (('-v0", 16,', '-v0", 4,'), ("learn(2_000)", "learn(600)"), ("8_000", "2_000")):
        assert written in script
        script = script.replace(written, smaller)
    printed = run(script, tmp_path)
    found = re.search(r"(\d+) of (\d+) episodes succeeded", printed)
    assert found
    assert 0 <= int(found[1]) <= int(found[2])
    assert int(found[2]) >= 4
    assert "Discrete(7)" in printed
