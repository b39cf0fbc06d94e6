"""The page on RLlib."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.client, pytest.mark.skipif(find_spec("ray") is None, reason="needs RLlib")]


def test_a_batch_is_the_environment_of_an_env_runner(tmp_path: Path) -> None:
    assert run(scripts("rllib")[0], tmp_path).split()[-2:] == ["400", "steps"]
