"""``neuromotion view``: a person is the decoder, with keys that stand for labels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import EnvironmentArgument
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.task import Marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.view import View
    from neuromotion_gym.rendering.viewer import Viewer

KEYS = "1234567890"
LINGER_S = 1.5
"""Seconds for which the outcome of an episode is shown."""


def view(
    env: EnvironmentArgument,
    decoder: Annotated[
        str | None, typer.Option(help="Decoder whose labels the keys stand for.", show_default="the environment's own")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Level of difficulty.", show_default="the middle one")] = None,
    side: Annotated[Literal["right", "left"], typer.Option(help="Side of the body.")] = "right",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same goals.")] = 0,
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes.")] = 10,
) -> None:
    """Be the decoder: look at the goal, and press the key of the label that moves the limb there.

    A label lasts until another key is pressed. Close the window to stop.
    """
    from neuromotion_gym.decoders.bounds import BoundDecoder
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble, choose_decoder
    from neuromotion_gym.envs.view import View
    from neuromotion_gym.registration import environment
    from neuromotion_gym.rendering.viewer import Viewer

    chosen = choose_decoder(decoder, environment(env).decoder)
    inner = chosen.inner if isinstance(chosen, BoundDecoder) else chosen
    # No signal is generated or decoded: the bound 'blind' of the decoder has its labels and its clock
    loop = ClosedLoop(assemble(env, decoder=("blind", inner), level=level, side=side), keep_s=0.2)
    labels = loop.layout.intents.labels
    if len(labels) > len(KEYS):
        raise NeuroMotionError(f"There are keys for {len(KEYS)} labels; this decoder has {len(labels)}.")
    pressed = Pressed(labels, loop.layout.intents.rest)
    known = {degree.name for degree in loop.parts.limb.degrees}
    viewer = Viewer(loop.parts.limb, [axis for axis in loop.parts.task.axes if axis in known] or None, pressed.key)
    words, right = View(loop), 0
    for key, label in zip(KEYS, labels, strict=False):
        say(f"{key}: {label}")
    try:
        for number in range(episodes):
            loop.reset(np.zeros(1, dtype=int), [np.random.default_rng(seed + number)])
            pressed.release()
            if not _play(loop, viewer, pressed, words):
                break
            right += int(loop.success[0])
            say(f"{words.snapshot(0).verdict} after {loop.steps[0] * loop.layout.control_s:.1f} s")
        say(f"Right selections: {right}")
    finally:
        viewer.close()
        loop.close()


class Pressed:
    """The label whose key was pressed last.

    Parameters
    ----------
    labels : sequence of str
    rest : int or None
        Label that holds before a key is pressed; None if the limb then gets no command.
    """

    def __init__(self, labels: Sequence[str], rest: int | None) -> None:
        self.labels, self._rest = labels, rest
        self.label = rest

    def key(self, character: str) -> None:
        """Take a key; one that stands for no label changes nothing."""
        place = KEYS.find(character)
        if 0 <= place < len(self.labels):
            self.label = place

    def release(self) -> None:
        """Go back to rest."""
        self.label = self._rest

    def action(self, directions: np.ndarray) -> np.ndarray:
        """Action of the label, shape (1, action size); zeros without one."""
        return directions[[self.label]] if self.label is not None else np.zeros_like(directions[:1])

    def __str__(self) -> str:
        return "(no key yet)" if self.label is None else self.labels[self.label]


def _play(loop: ClosedLoop, viewer: Viewer, pressed: Pressed, words: View) -> bool:
    """Play one episode in real time; False if the window was closed."""
    task, model, due = loop.parts.task, loop.parts.limb.model, time.monotonic()
    ended, left = False, "\n".join(f"{key}" for key, _ in zip(KEYS, pressed.labels, strict=False))
    while not ended:
        result = loop.step(pressed.action(loop.layout.intents.directions))
        ended = bool(result.terminated[0] or result.truncated[0])
        state = loop.physics.state[0, 1:]
        act = state[model.nq + model.nv :][: model.na]
        viewer.show(state[: model.nq], act, task.ghost(0), task.marks(0) if isinstance(task, Marked) else ())
        snapshot = words.snapshot(0)
        seconds = f"{snapshot.time_s:.1f} of {snapshot.time_limit_s:.0f} s"
        told = [snapshot.verdict or seconds, snapshot.goal, str(pressed), *pressed.labels]
        viewer.say(f"time\ngoal\nkey\n{left}", "\n".join(told))
        now = time.monotonic()
        # Time that was lost, as while the window opens, is not made up for: nobody can play faster than life
        due = max(due + (LINGER_S if ended else loop.layout.control_s), now)
        time.sleep(due - now)
        if not viewer.is_open:
            return False
    return True
