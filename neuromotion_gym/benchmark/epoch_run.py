"""A limb that is driven epoch by epoch, beside one that is driven by the true labels.

Whole trials are played one after the other. After each the decoder decides, and its label moves the limb for a fixed
time; meanwhile the true label moves a second limb. Nobody sees the limbs: this is open-loop replay, with labels that
are drawn beforehand, as some published systems do it. There is no goal and no success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from neuromotion_gym.envs.options import CONTROL_S
from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.envs.stream import Stream
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.closed_loop import Parts
    from neuromotion_gym.limbs.limb import Limb

DECODED, TRUE = 0, 1
"""Rows of the two limbs."""


@dataclass(frozen=True, eq=False)
class EpochRun:
    """What was played, decoded and moved.

    Parameters
    ----------
    labels, channels : tuple of str
    rate_hz : float
    unit : str
    subject : str
    trials : int
        Distinct trials that were played.
    epochs : float32 array, shape (n, channels, samples)
    truth : int array, shape (n,)
        Index of the label that was played.
    posterior : float32 array, shape (n, labels)
    time_s : float array, shape (steps,)
        Time since the first epoch was decided on, without the time that the epochs take.
    epoch_of_step : int array, shape (steps,)
    joints : tuple of str
        Joints that turn or slide.
    positions : float array, shape (2, steps, joints)
        Their positions in rad or m; first of the limb that the decoder drives, then of the other one.
    states : float array, shape (2, steps, nq)
        ``qpos`` of MuJoCo, for pictures.
    activations : float array, shape (2, steps, na)
        Of muscles.
    """

    labels: tuple[str, ...]
    channels: tuple[str, ...]
    rate_hz: float
    unit: str
    subject: str
    trials: int
    epochs: np.ndarray
    truth: np.ndarray
    posterior: np.ndarray
    time_s: np.ndarray
    epoch_of_step: np.ndarray
    joints: tuple[str, ...]
    positions: np.ndarray
    states: np.ndarray
    activations: np.ndarray

    @property
    def decoded(self) -> np.ndarray:
        """Index of the decoded label of each epoch, int array of shape (n,)."""
        return np.asarray(self.posterior.argmax(axis=1))


def run_epochs(parts: Parts, count: int, *, hold_s: float = 1.0, seed: int = 0) -> EpochRun:
    """Play epochs of the first person of the source, and move two limbs.

    Parameters
    ----------
    parts : Parts
        Of an environment, see `neuromotion_gym.envs.options.assemble`; its task and its operator are not used.
    count : int
        Number of epochs. Labels are balanced, in random order; the first one is random.
    hold_s : float
        Seconds for which a label moves the limb.
    seed : int

    Raises
    ------
    NeuroMotionError
        If the decoder does not read whole trials, or ``count`` or ``hold_s`` is not positive.
    """
    spec = parts.decoder.spec
    if spec.pacing != "trial":
        raise NeuroMotionError(
            f"Decoder {spec.name!r} reads window after window; a run epoch by epoch needs one that reads whole trials "
            "(pacing: trial)."
        )
    if count < 1 or not hold_s >= CONTROL_S:
        raise NeuroMotionError(
            f"A run has 1 epoch or more, each of which moves the limb for {CONTROL_S:g} s or more, not {count} and "
            f"{hold_s:g} s."
        )
    epochs, truth, posterior, trials = _decided(parts, count, np.random.default_rng(seed))
    states = _moved(parts, np.stack([posterior.argmax(axis=1), truth]), round(hold_s / CONTROL_S))
    limb, steps = parts.limb, states.shape[1]
    joints, places = _joints(limb)
    size = 1 + limb.model.nq
    return EpochRun(
        labels=spec.labels,
        channels=spec.channels,
        rate_hz=spec.rate_hz,
        unit=spec.unit,
        subject=parts.source.sessions[0][0],
        trials=trials,
        epochs=epochs,
        truth=truth,
        posterior=posterior,
        time_s=CONTROL_S * np.arange(1, steps + 1),
        epoch_of_step=np.repeat(np.arange(count), steps // count),
        joints=joints,
        positions=states[:, :, 1 + places],
        states=states[:, :, 1:size],
        activations=states[:, :, size + limb.model.nv :][:, :, : limb.model.na],
    )


def _decided(
    parts: Parts, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Epochs, true labels and posteriors of one person, and how many distinct trials they are of."""
    spec, source = parts.decoder.spec, parts.source
    longest_s = 2 * (count + 1) * source.mean_piece_s()
    stream = Stream(source, parts.decoder, CONTROL_S, parts.layout.intents.rest, longest_s, 1)
    labels = generator.permutation(np.arange(count) % len(spec.labels))
    epochs: list[np.ndarray] = []
    truth: list[int] = []
    posterior: list[np.ndarray] = []
    try:
        stream.reset(np.zeros(1, np.int64), [generator], np.zeros(1, np.int64))
        while len(epochs) < count:
            stream.step(labels[[len(epochs)]])
            rows, windows = stream.epochs()
            if len(rows):
                epochs.append(windows[0])
                truth.append(spec.labels.index(source.labels[source.playing[0]]))
                posterior.append(stream.posterior[0].copy())
    finally:
        stream.close()
    return np.stack(epochs), np.array(truth), np.stack(posterior), len(source.trials_played(0))


def _moved(parts: Parts, labels: np.ndarray, steps: int) -> np.ndarray:
    """States of the limbs that ``labels``, shape (2, epochs), move for ``steps`` each; (2, epochs * steps, nstate)."""
    drive, physics, rows = parts.drive, Physics(parts.limb, CONTROL_S, 2, 1), np.arange(2)
    drive.start(2)
    physics.reset(rows, drive.reset(rows, np.zeros((2, len(parts.task.axes)))))
    states = []
    try:
        for action in np.repeat(parts.layout.intents.directions[labels].swapaxes(0, 1), steps, axis=0):
            physics.begin(drive.control(action, physics.sensors), ramp=bool(getattr(drive, "ramp", False)))
            physics.simulate()
            physics.finish()
            states.append(physics.state)
    finally:
        physics.close()
    return np.stack(states, axis=1)


def _joints(limb: Limb) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the joints that turn or slide, and their places in ``qpos``."""
    model = limb.model
    kinds = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    chosen = [joint for joint in range(model.njnt) if int(model.jnt_type[joint]) in kinds]
    return tuple(model.joint(joint).name for joint in chosen), np.array(model.jnt_qposadr)[chosen]
