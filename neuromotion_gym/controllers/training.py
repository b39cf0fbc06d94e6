"""Training of learned controllers with stable-baselines3's PPO: what is set, what is trained on, and going on."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pydantic import Field
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

import neuromotion_gym
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.controllers.learned import LearnedSpec, TrainingRecord, facts
from neuromotion_gym.controllers.sb3 import DecisionEnv, Joined, Mirrored
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.sb3 import make_sb3
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from neuromotion_gym.envs.sb3 import NeuroVecEnv

CHECKPOINT = "checkpoint.pt"


class Setup(Checked):
    """All that moves the result of a training.

    Parameters
    ----------
    environment, decoder, level : str
        Where the policy learns, and what it listens to.
    source : {"surrogate", "replay"}
        What is played, always of the tune part.
    subjects : tuple of str
        Only these people of the tune part; everybody when empty.
    unseen : bool
        Each of them is decoded by the decoder of the fold that was trained without them: the errors are then those
        that a decoder makes on people it never saw. Otherwise the decoder is the shipped one.
    observe_goal, blind : bool
        The controls: a policy that sees the goal, and one whose decoder is silenced.
    seed : int
    steps : int
        Control steps of all limbs together.
    n_envs : int
        Limbs stepped together.
    discount : float
        A control step's, of the reward's potential too.
    repeat : int
        Control steps for which an action is held.
    history : HistorySpec
    mirror : bool
        Whether episodes are shown with their axes exchanged and turned at random, see `Mirrored`.
    rollout : int
        Decisions of each limb between two updates.
    batch_size, epochs : int
        Of an update.
    learning_rate, clip, trace : float
        PPO's; the first falls linearly to a tenth, ``trace`` is the lambda of the advantages.
    layers : tuple of int
        Widths of the hidden layers.
    log_std : float
        Logarithm of the action's first standard deviation.
    """

    environment: str = "NeuroArm-v0"
    decoder: str = "emg_armband"
    level: Literal["easy", "standard", "hard"] = "standard"
    source: Literal["surrogate", "replay"] = "surrogate"
    subjects: tuple[str, ...] = ()
    unseen: bool = False
    observe_goal: bool = False
    blind: bool = False
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


class Training:
    """PPO on the batch environment, one update at a time.

    Parameters
    ----------
    setup : Setup
    threads : int
        Native threads of the physics.
    data_root : path, optional
        Where data sets lie (replay; training of folds that the cache lacks).

    Raises
    ------
    NeuroMotionError
        If the setup does not fit together.
    """

    def __init__(self, setup: Setup, *, threads: int = 1, data_root: str | os.PathLike[str] | None = None) -> None:
        self.setup = setup
        envs = _batches(setup, threads, data_root)
        self.layout = envs[0].layout
        sessions = {session for env in envs for session in env.env.loop.parts.source.sessions}
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
        """One entry an update, see `update`."""
        self._seed_envs()

    @property
    def steps(self) -> int:
        """Control steps of all limbs so far."""
        return int(self.model.num_timesteps) * self.setup.repeat

    @property
    def done(self) -> bool:
        """Whether all steps of the setup have been made."""
        return self.steps >= self.setup.steps

    def update(self) -> dict[str, float]:
        """Play one rollout and learn from it.

        Returns
        -------
        dict
            ``steps`` so far; of the episodes that ended: how many (``episodes``), their shares of ``success`` and of
            ``wrong`` selections, and the mean ``time_s`` of the successful ones (NaN where there is none). Actions
            were drawn, so a policy that is played deterministically does better.
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
        """Update until all steps are made, with a checkpoint in ``folder`` after each."""
        while not self.done:
            entry = self.update()
            self.save(folder / CHECKPOINT)
            tick(entry)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all: setup, weights, optimiser, steps, curve and generator.

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
            "generator": torch.get_rng_state(),
        }
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            buffer = BytesIO()
            torch.save(content, buffer)
            temporary.write_bytes(buffer.getvalue())
            temporary.replace(path)
        except OSError as error:
            raise NeuroMotionError(f"The checkpoint cannot be written to {path}: {error.strerror}.") from None
        finally:
            temporary.unlink(missing_ok=True)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint; its episodes under way are not kept, every limb begins a new one.

        Raises
        ------
        NeuroMotionError
            If it cannot be read, or belongs to another setup.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            theirs = Setup.model_validate_json(content["setup"])
        except Exception as error:  # noqa: BLE001 -- what torch raises on a broken file shares no base
            raise NeuroMotionError(f"{path} is no checkpoint of a training: {str(error).splitlines()[0]}") from None
        other = [
            name
            for name in Setup.model_fields
            if name != "steps" and getattr(theirs, name) != getattr(self.setup, name)
        ]
        if other:
            raise NeuroMotionError(
                f"{path} is of another training ({', '.join(other)} differ); take another folder or the same options."
            )
        self.model.policy.load_state_dict(content["policy"])
        self.model.policy.optimizer.load_state_dict(content["optimizer"])
        self.model.num_timesteps = content["decisions"]
        self.curve = list(content["curve"])
        torch.set_rng_state(content["generator"])
        self._seed_envs()

    def spec(self) -> LearnedSpec:
        """Specification of the policy as it is now."""
        setup = self.setup
        return LearnedSpec(
            environment=setup.environment,
            level=setup.level,
            decoder=setup.decoder,
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
                discount=setup.discount,
                library=neuromotion_gym.__version__,
            ),
        )

    def export(self, path: Path) -> float:
        """Write the policy as it is now, see `neuromotion_gym.controllers.export.export_policy`."""
        from neuromotion_gym.controllers.export import export_policy

        return export_policy(self.model.policy, self.spec(), path)

    def close(self) -> None:
        """Give the physics' threads back."""
        self.model.env.close()

    def _seed_envs(self) -> None:
        state = np.random.SeedSequence([self.setup.seed, self.steps]).generate_state(1)
        self.model.env.seed(int(state[0]) // 2)


def _batches(setup: Setup, threads: int, data_root: str | os.PathLike[str] | None) -> list[NeuroVecEnv]:
    """The batch, or with ``unseen`` one for each person."""
    options: dict[str, Any] = {
        "level": setup.level,
        "source": setup.source,
        "part": "tune",
        "observe_goal": setup.observe_goal,
        "threads": threads,
        "data_root": data_root,
    }

    def batch(decoder: Any, rows: int, subjects: tuple[str, ...] | None) -> NeuroVecEnv:
        bound = BoundDecoder("blind", decoder) if setup.blind else decoder
        return make_sb3(setup.environment, rows, decoder=bound, subjects=subjects, **options)

    shipped = load_decoder(setup.decoder)
    if not setup.unseen:
        return [batch(shipped, setup.n_envs, setup.subjects or None)]
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.training.folds import fold_decoder

    tune = registry.dataset(shipped.spec.dataset).table.parts["tune"]
    tuned = {person for chosen in tune for person in chosen.people}
    people = setup.subjects or tuple(sorted(tuned))
    if setup.n_envs < len(people):
        raise NeuroMotionError(f"{len(people)} people need as many limbs at least, not {setup.n_envs}.")
    rows = [len(part) for part in np.array_split(np.arange(setup.n_envs), len(people))]
    return [
        batch(fold_decoder(setup.decoder, person, root=data_root), count, (person,))
        for person, count in zip(people, rows, strict=True)
    ]
