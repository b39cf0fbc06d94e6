"""Random number generators of environments: checked seeds, and generators that survive a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.envs.arguments import is_whole
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence


def checked_seed(seed: Any) -> int | None:
    """A seed as a Python integer, or None.

    Raises
    ------
    NeuroMotionError
        If it is not a whole number from 0 on.
    """
    if seed is None:
        return None
    if not is_whole(seed) or seed < 0:
        raise NeuroMotionError(f"A seed is a whole number from 0 on, not {seed!r}.")
    return int(seed)


def row_seeds(seed: Any, rows: int) -> list[int | None]:
    """Seeds of all rows: ``seed + i`` for row ``i``, or the elements of a sequence, which may be None.

    Raises
    ------
    NeuroMotionError
        If a seed is not a whole number from 0 on, or a sequence has another length than the batch.
    """
    if isinstance(seed, list | tuple | np.ndarray):
        seeds: Sequence[Any] = list(seed)
        if len(seeds) != rows:
            raise NeuroMotionError(f"There are {rows} rows, but {len(seeds)} seeds.")
        return [checked_seed(one) for one in seeds]
    first = checked_seed(seed)
    return [None if first is None else first + row for row in range(rows)]


def packed(generator: np.random.Generator) -> tuple[Any, ...]:
    """All that a generator draws from later, with the children that it has spawned, which NumPy 1 does not keep."""
    seeds: Any = generator.bit_generator.seed_seq
    return (
        type(generator.bit_generator),
        generator.bit_generator.state,
        (seeds.entropy, seeds.spawn_key, seeds.pool_size, seeds.n_children_spawned),
    )


def unpacked(content: tuple[Any, ...]) -> np.random.Generator:
    """The generator that `packed` was given."""
    kind, state, (entropy, spawn_key, pool_size, spawned) = content
    seeds = np.random.SeedSequence(entropy, spawn_key=spawn_key, pool_size=pool_size, n_children_spawned=spawned)
    bits = kind(seeds)
    bits.state = state
    return np.random.Generator(bits)
