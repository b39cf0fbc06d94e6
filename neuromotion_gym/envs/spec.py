"""The `gymnasium` specification that an environment carries: with its real time limit, and clear about JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from enum import Enum
from pathlib import PurePath
from typing import Any

from gymnasium.envs.registration import EnvSpec
from pydantic import BaseModel

from neuromotion_gym.errors import NeuroMotionError


class NeuroSpec(EnvSpec):
    """Specification of one environment.

    ``max_episode_steps`` is the number of steps after which an episode is truncated. The task's own time limit is
    known only when the environment has been made, since it depends on level and decoder.
    """

    @classmethod
    def completed(cls, spec: EnvSpec, limit: int) -> NeuroSpec:
        """A copy of ``spec`` with the time limit of ``limit`` steps, or with its own if that is shorter."""
        own = {field.name: getattr(spec, field.name) for field in fields(spec) if field.init}
        steps = spec.max_episode_steps
        return cls(**{**own, "max_episode_steps": limit if steps is None else min(limit, steps)})

    def to_json(self) -> str:
        """The specification as JSON text; paths are written as text, and values of the library as tables.

        Raises
        ------
        NeuroMotionError
            If an option is an object that has no text form, such as a decoder or a source.
        """
        options, objects = {}, []
        for name, value in self.kwargs.items():
            try:
                options[name] = json.loads(json.dumps(value, default=_plain))
            except (TypeError, ValueError):
                objects.append(f"{name} ({type(value).__name__})")
        if objects:
            raise NeuroMotionError(
                f"The specification of this environment cannot be written as JSON: {', '.join(objects)} cannot be "
                "written as text. Pass names or folders to gym.make instead of objects, or pickle the environment."
            )
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.init}
        return EnvSpec(**{**own, "kwargs": options}).to_json()


def _plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.value
    raise TypeError
