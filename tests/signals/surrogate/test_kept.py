"""What is kept is made once, and the oldest gives way."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.signals.surrogate import kept


def test_arrays_are_made_once_until_the_room_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", 3 * 80)
    made: list[int] = []

    def make(number: int) -> np.ndarray:
        made.append(number)
        return np.full(10, number, dtype=float)

    arrays = kept.Kept(make)
    for number in (1, 2, 1, 3, 2):
        assert arrays[number][0] == number
    assert made == [1, 2, 3]
    assert arrays[4][0] == 4  # takes the place of 1
    assert [arrays[number][0] for number in (2, 3, 4)] == [2, 3, 4]
    assert made == [1, 2, 3, 4]
    assert arrays[1][0] == 1
    assert made == [1, 2, 3, 4, 1]
