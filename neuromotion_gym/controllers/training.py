"""Training of learned controllers with stable-baselines3's PPO: settings, checkpoints, and the finished policy."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import Field
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

import neuromotion_gym
from neuromotion_gym.controllers.export import export_policy
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.controllers.learned import Before, LearnedSpec, TrainingRecord, facts
from neuromotion_gym.controllers.sb3 import DecisionEnv, Joined, Mirrored
from neuromotion_gym.datasets.playing import TrainedOn
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.sb3 import make_sb3
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_bytes
from neuromotion_gym.registration import ENVIRONMENTS, environment
from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    from neuromotion_gym.envs.sb3 import NeuroVecEnv

CHECKPOINT = "checkpoint.pt"
HEARD = ("environment", "decoder", "source", "subjects", "unseen", "observe_goal", "blind")
"""Settings that say what a policy was told and whom it heard: what is recorded of a training holds for those before."""


class Setup(Checked):
    """All settings that change the result of a training.

    Parameters
    ----------
    environment : str
        Environment in which the policy learns; the first registered one by default.
    decoder : str, optional
        A decoder's name or folder; the environment's own when left out.
    level : str, optional
        One of the levels of the environment's task; the environment's default when left out.
    source : {"surrogate", "replay"}
        Kind of source; it always plays the tune part.
    subjects : tuple of str
        People of the tune part who are played; all of them when empty.
    unseen : bool
        Whether each person is decoded by the decoder of the fold that was trained without them, so that errors are
        those of a decoder on people it was not trained on. Otherwise one decoder is used for all.
    observe_goal, blind : bool
        Two controls: a policy that sees the goal, and one whose decoder gives no information.
    task : dict
        Options of the environment's task, such as ``wrong_selection``; see its class. A policy may be played with other
        options than it was trained with.
    seed : int
    steps : int
        Control steps of all limbs together.
    n_envs : int
        Limbs that are stepped together.
    discount : float
        PPO's discount factor per control step.
    repeat : int
        Control steps for which an action is held.
    history : HistorySpec
        Settings of the features of the past that the policy reads.
    mirror : bool
        Whether episodes are presented with their axes exchanged and reversed at random, see `Mirrored`.
    rollout : int
        Decisions of each limb between two updates.
    batch_size, epochs : int
        Size of a minibatch, and epochs per update.
    learning_rate, clip, trace : float
        PPO's learning rate, which falls linearly to a tenth; its clip range; the lambda of generalised advantage
        estimation.
    layers : tuple of int
        Widths of the hidden layers.
    log_std : float
        Logarithm of the action's initial standard deviation.
    """

    environment: str = Field(default_factory=lambda: next(iter(ENVIRONMENTS)))
    decoder: str | None = None
    level: str | None = None
    source: TrainedOn = "surrogate"
    subjects: tuple[str, ...] = ()
    unseen: bool = False
    observe_goal: bool = False
    blind: bool = False
    task: dict[str, bool | int | float | str] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)
    steps: int = Field(default=1_500_000, ge=1)
    n_envs: int = Field(default=64, ge=1)
    discount: float = Field(default=0.996, gt=0, le=1)
    repeat: int = Field(default=4, ge=1, le=100)
    history: HistorySpec = HistorySpec()
    mirror: bool = True
    rollout: int = Field(default=64, ge=2)
    batch_size: int = Field(default=256, ge=2)
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    clip: float = Field(default=0.2, gt=0)
    trace: float = Field(default=0.95, ge=0, le=1)
    layers: tuple[int, ...] = (128, 128)
    log_std: float = -0.7

    @property
    def listens_to(self) -> str:
        """The decoder, or the environment's own where none is named."""
        return self.decoder or environment(self.environment).decoder


class Training:
    """PPO on the batch environment, one update at a time.

    Parameters
    ----------
    setup : Setup
    threads : int
        Native threads of the physics.
    data_root : path, optional
        Folder of the data sets, for replay and for training the folds that are not in the cache.

    Raises
    ------
    NeuroMotionError
        If the settings do not fit each other.
    """

    def __init__(self, setup: Setup, *, threads: int = 1, data_root: str | os.PathLike[str] | None = None) -> None:
        self.setup = setup
        envs = _batches(setup, threads, data_root)
        self.layout = envs[0].layout
        sessions = {session for env in envs for session in env.env.loop.parts.source.sessions}
        self.dataset = envs[0].env.loop.stream.spec.dataset
        self.subjects = tuple(sorted({person for person, _ in sessions}))
        self.history = History(self.layout, setup.history, setup.observe_goal)
        env = Joined(envs) if len(envs) > 1 else envs[0]
        if setup.mirror:
            env = Mirrored(env, self.layout, setup.seed)
        env = DecisionEnv(env, self.history, setup.repeat, setup.discount)
        self.model = PPO(
            "MlpPolicy",
            env,
            learning_rate=setup.learning_rate,
            n_steps=setup.rollout,
            batch_size=min(setup.batch_size, setup.rollout * setup.n_envs),
            n_epochs=setup.epochs,
            gamma=setup.discount**setup.repeat,
            gae_lambda=setup.trace,
            clip_range=setup.clip,
            policy_kwargs={"net_arch": list(setup.layers), "log_std_init": setup.log_std},
            seed=setup.seed,
            device="cpu",
        )
        self.model.lr_schedule = lambda _: setup.learning_rate * max(0.1, 1 - self.steps / setup.steps)
        self.model.set_logger(Logger(None, []))
        self.curve: list[dict[str, float]] = []
        """One entry per update, see `update`."""
        self.before: Before | None = None
        """The training whose weights this one began with, see `begin_with`."""
        self._seed_envs()

    @property
    def steps(self) -> int:
        """Control steps of all limbs so far."""
        return int(self.model.num_timesteps) * self.setup.repeat

    @property
    def done(self) -> bool:
        """Whether all steps of the setup are done."""
        return self.steps >= self.setup.steps

    def update(self) -> dict[str, float]:
        """Play one rollout and learn from it.

        Returns
        -------
        dict
            ``steps`` so far; the number of ``episodes`` that ended, their shares of ``success`` and of ``wrong``
            selections, and the mean ``time_s`` of the successful ones (NaN where there is none). Actions are drawn
            here; a policy that is played deterministically does better.
        """
        ended: list[dict[str, Any]] = []

        def listen(variables: dict[str, Any], _: dict[str, Any]) -> bool:
            ended.extend(info for info in variables["infos"] if info)
            return True

        size = self.setup.rollout * self.setup.n_envs
        self.model.learn(size, callback=listen, reset_num_timesteps=False)
        won = np.array([info["is_success"] for info in ended], dtype=bool)
        wrong = np.array([info["wrong_selection"] for info in ended], dtype=bool)
        times = np.array([info["time"] for info in ended], dtype=float)
        entry = {
            "steps": float(self.steps),
            "episodes": float(len(ended)),
            "success": float(won.mean()) if ended else float("nan"),
            "wrong": float(wrong.mean()) if ended else float("nan"),
            "time_s": float(times[won].mean()) if won.any() else float("nan"),
        }
        self.curve.append(entry)
        return entry

    def run(self, folder: Path, tick: Callable[[dict[str, float]], None] = lambda _: None) -> None:
        """Update until all steps are done, with a checkpoint in ``folder`` after each update."""
        while not self.done:
            entry = self.update()
            self.save(folder / CHECKPOINT)
            tick(entry)

    def save(self, path: Path) -> None:
        """Write a checkpoint, completely or not at all: setup, weights, optimiser, steps, curve and generator.

        Raises
        ------
        NeuroMotionError
            If it cannot be written.
        """
        policy = self.model.policy
        content = {
            "setup": self.setup.model_dump_json(),
            "policy": policy.state_dict(),
            "optimizer": policy.optimizer.state_dict(),
            "decisions": int(self.model.num_timesteps),
            "curve": self.curve,
            "before": None if self.before is None else self.before.model_dump_json(),
            "generator": torch.get_rng_state(),
        }
        buffer = BytesIO()
        torch.save(content, buffer)
        write_bytes(path, buffer.getvalue())

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Unfinished episodes are not kept: every limb begins a new one.

        Raises
        ------
        NeuroMotionError
            If it cannot be read, or belongs to another setup.
        """
        content, theirs = _read(path)
        other = [
            name
            for name in Setup.model_fields
            if name != "steps" and getattr(theirs, name) != getattr(self.setup, name)
        ]
        if other:
            raise NeuroMotionError(
                f"{path} belongs to another training ({', '.join(other)} differ); "
                "take another folder or the same options."
            )
        self.model.policy.load_state_dict(content["policy"])
        self.model.policy.optimizer.load_state_dict(content["optimizer"])
        self.model.num_timesteps = content["decisions"]
        self.curve = list(content["curve"])
        self.before = _before(content)
        torch.set_rng_state(content["generator"])
        self._seed_envs()

    def begin_with(self, path: Path) -> None:
        """Take the weights that another training has learned, such as one with easier rules; not its noise of actions.

        Raises
        ------
        NeuroMotionError
            If it cannot be read, heard other signals, or has other features, actions or layers.
        """
        content, theirs = _read(path)
        if other := [name for name in HEARD if getattr(theirs, name) != getattr(self.setup, name)]:
            raise NeuroMotionError(f"{path} was trained with other signals ({', '.join(other)} differ).")
        weights = {**content["policy"], "log_std": self.model.policy.log_std.detach().clone()}
        try:
            self.model.policy.load_state_dict(weights)
        except RuntimeError as error:
            raise NeuroMotionError(f"{path} does not fit this training: {' '.join(str(error).split())}") from None
        self.before = Before(steps=content["decisions"] * theirs.repeat, task=theirs.task, before=_before(content))

    def spec(self) -> LearnedSpec:
        """Specification of the policy as it is now."""
        setup = self.setup
        return LearnedSpec(
            environment=setup.environment,
            level=self.layout.facts.level,
            decoder=setup.listens_to,
            **facts(self.layout),
            observe_goal=setup.observe_goal,
            repeat=setup.repeat,
            history=setup.history,
            std=tuple(float(value) for value in self.model.policy.log_std.detach().exp()),
            training=TrainingRecord(
                algorithm="PPO",
                seed=setup.seed,
                steps=self.steps,
                source=setup.source,
                part="tune",
                subjects=self.subjects,
                unseen=setup.unseen,
                blind=setup.blind,
                task=setup.task,
                before=self.before,
                discount=setup.discount,
                library=neuromotion_gym.__version__,
                dataset=self.dataset,
            ),
        )

    def export(self, path: Path) -> float:
        """Write the policy as it is now, see `neuromotion_gym.controllers.export.export_policy`."""
        return export_policy(self.model.policy, self.spec(), path)

    def close(self) -> None:
        """Release the threads of the physics."""
        self.model.env.close()

    def _seed_envs(self) -> None:
        state = np.random.SeedSequence([self.setup.seed, self.steps]).generate_state(1)
        self.model.env.seed(int(state[0]) // 2)


def _read(path: Path) -> tuple[dict[str, Any], Setup]:
    """What a checkpoint holds, and the settings of its training."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return content, Setup.model_validate_json(content["setup"])
    except Exception as error:  # noqa: BLE001 -- torch raises many classes on broken files
        raise NeuroMotionError(f"{path} is not a checkpoint of a training: {str(error).splitlines()[0]}") from None


def _before(content: dict[str, Any]) -> Before | None:
    """The training whose weights that of a checkpoint began with."""
    told = content.get("before")
    return None if told is None else Before.model_validate_json(told)


def _batches(setup: Setup, threads: int, data_root: str | os.PathLike[str] | None) -> list[NeuroVecEnv]:
    """One batch, or with ``unseen`` one for each person."""
    options: dict[str, Any] = {
        "source": setup.source,
        "part": "tune",
        "observe_goal": setup.observe_goal,
        "threads": threads,
        **({"data_root": data_root} if setup.source == "replay" else {}),
    }
    if setup.level is not None:
        options["level"] = setup.level
    own = {*options, "level", "decoder", "subjects", "data_root"}
    if taken := sorted(own & set(setup.task)):
        raise NeuroMotionError(f"task holds options of the task alone; {', '.join(taken)} belongs to the training.")
    options |= setup.task

    def batch(decoder: Any, rows: int, subjects: tuple[str, ...] | None) -> NeuroVecEnv:
        bound = BoundDecoder("blind", decoder) if setup.blind else decoder
        return make_sb3(setup.environment, rows, decoder=bound, subjects=subjects, **options)

    shipped = load_decoder(setup.listens_to)
    if not setup.unseen:
        return [batch(shipped, setup.n_envs, setup.subjects or None)]
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.training.folds import fold_decoder

    tune = registry.dataset(shipped.spec.dataset).table.parts["tune"]
    tuned = {person for chosen in tune for person in chosen.people}
    people = setup.subjects or tuple(sorted(tuned))
    if setup.n_envs < len(people):
        raise NeuroMotionError(f"{len(people)} people need at least {len(people)} limbs (n_envs), not {setup.n_envs}.")
    rows = [len(part) for part in np.array_split(np.arange(setup.n_envs), len(people))]
    return [
        batch(fold_decoder(setup.listens_to, person, root=data_root), count, (person,))
        for person, count in zip(people, rows, strict=True)
    ]
