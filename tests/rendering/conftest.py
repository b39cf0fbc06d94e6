"""Fixtures for tests that render."""

from __future__ import annotations

import pytest

from neuromotion_gym.limbs import Limb
from neuromotion_gym.rendering import rendering_available, why_not


@pytest.fixture(scope="session")
def arm() -> Limb:
    return Limb.load("arm")


@pytest.fixture(scope="session")
def can_draw() -> None:
    """Skips the test on a machine that cannot render."""
    if not rendering_available():
        pytest.skip(f"needs a rendering back end: {why_not()}")
