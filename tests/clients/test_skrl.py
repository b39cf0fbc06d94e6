"""The page on skrl."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.client, pytest.mark.skipif(find_spec("skrl") is None, reason="needs skrl")]


def test_a_batch_is_wrapped_and_stepped(tmp_path: Path) -> None:
    assert "(8, 14) (8, 1)" in run(scripts("skrl")[0], tmp_path)
