"""One table: environment id, limb, task, default decoder. Every environment is one row."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym


@dataclass(frozen=True)
class Environment:
    """One row.

    Parameters
    ----------
    limb : str
        Folder in ``assets/`` and key in the table of intents.
    task : str
        Module in `neuromotion_gym.tasks`.
    decoder : str
        Default decoder.
    summary : str
        One line for tables.
    """

    limb: str
    task: str
    decoder: str
    summary: str


ENVIRONMENTS: dict[str, Environment] = {
    "NeuroArm-v0": Environment(
        limb="arm",
        task="posture",
        decoder="emg_armband",
        summary="arm and hand: select a hidden target posture of the degrees of freedom that the labels move",
    ),
}


def register_environments() -> None:
    """Make every row known to Gymnasium; doing so again changes nothing."""
    for name in ENVIRONMENTS:
        if name not in gym.registry:
            gym.register(
                id=name,
                entry_point="neuromotion_gym.envs.neuro_env:NeuroEnv",
                vector_entry_point="neuromotion_gym.envs.vector_env:NeuroVectorEnv",
                kwargs={"env_id": name},
            )
