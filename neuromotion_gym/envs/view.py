"""Pictures of a running loop: the limb alone, or with goal, signal and labels for a human viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.envs.picture import Picture
from neuromotion_gym.envs.window import open_screen
from neuromotion_gym.rendering.overlay import above_caption, caption, compose, window
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.rendering.snapshot import Snapshot, spoken
from neuromotion_gym.tasks.task import Marked, Worded, Words

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.window import Screen


class View:
    """Draws rows of a loop.

    Parameters
    ----------
    loop : ClosedLoop
        The loop to draw.
    note : str, optional
        Text shown in the overlay after subject and part.
    picture : Picture, optional
        Size and camera of the pictures.
    panels : bool, default True
        Whether the overlay has its panels; without them it is only the labels and the outcome, for small pictures.
    controller : str, optional
        Name of the controller, for the title of the overlay.

    Raises
    ------
    NeuroMotionError
        If this machine cannot render.
    """

    def __init__(
        self,
        loop: ClosedLoop,
        note: str = "",
        picture: Picture | None = None,
        panels: bool = True,
        controller: str = "",
    ) -> None:
        self.note, self.controller = note, controller
        self._panels = panels
        self._loop, self._picture = loop, picture or Picture()
        self._plain: SceneRenderer | None = None
        self._framed: SceneRenderer | None = None
        self._screen: Screen | None = None

    def frame(self, row: int, *, overlay: bool) -> np.ndarray:
        """Picture of one row, uint8 array of shape (height, width, 3).

        Parameters
        ----------
        row : int
        overlay : bool
            Whether to draw goal, signal and labels, which an agent must not see.
        """
        physics, limb = self._loop.physics, self._loop.parts.limb
        qpos = physics.state[row, 1 : 1 + limb.model.nq]
        known = {degree.name for degree in limb.degrees}
        degrees = [axis for axis in self._loop.parts.task.axes if axis in known] or None
        act = physics.state[row, 1 + limb.model.nq + limb.model.nv :][: limb.model.na]
        if not overlay:
            if self._plain is None:
                self._plain = self._renderer(degrees)
            return self._plain.frame(qpos, act=act)
        if self._framed is None:
            free = window if self._panels else above_caption
            self._framed = self._renderer(degrees, free(self._picture.width, self._picture.height))
        task = self._loop.parts.task
        marks = task.marks(row) if isinstance(task, Marked) else ()
        drawn = compose if self._panels else caption
        return drawn(self._framed.frame(qpos, task.ghost(row), act, marks), self.snapshot(row))

    def _renderer(self, degrees: list[str] | None, window: tuple[int, int, int, int] | None = None) -> SceneRenderer:
        limb, picture = self._loop.parts.limb, self._picture
        return SceneRenderer(limb, picture.width, picture.height, degrees, window, camera=picture.fixed(limb))

    def snapshot(self, row: int) -> Snapshot:
        """What the overlay shows of one row."""
        loop = self._loop
        layout, task, stream, spec = loop.layout, loop.parts.task, loop.stream, loop.stream.spec
        about, labels = loop.about(), layout.targets or layout.intents.labels
        info = loop.info_of(row)
        right, wrong = bool(info["is_success"]), bool(info["wrong_selection"])
        told = task.words(row, right, wrong) if isinstance(task, Worded) else Words()
        bound = f"{about['bound']} for " if about["bound"] else ""
        played = f"{about.get('kind', 'signal')}, {about['part']} part" if about.get("part") else "own signals"
        heading = [about["environment"], about["level"], f"{bound}{spec.name}", self.controller]
        words = [f"subject {info['subject']}", played, self.note]
        return Snapshot(
            signal=stream.recent(row),
            rate_hz=spec.rate_hz,
            unit=spec.unit,
            channels=spec.channels,
            labels=labels,
            posterior=stream.posterior[row],
            intended=str(info["intent"]),
            decoded="" if layout.targets else str(info["decoded"]),
            time_s=float(info["time"]),
            time_limit_s=layout.time_limit_s,
            success=right if loop.over[row] else None,
            wrong=wrong,
            title=" · ".join(word for word in heading if word),
            subtitle=" · ".join(word for word in words if word),
            axes=task.axes,
            positions=loop.position[row],
            goals=loop.goal[row],
            tolerance=float(loop.tolerances[row]),
            effort=None if stream.effort is None else float(stream.effort[row]),
            shown_first=registry.dataset(spec.dataset).shown_first if registry.is_known(spec.dataset) else (),
            outcome=told.outcome,
            gauges=told.axes,
            goal=spoken(told.goal),
            lowest=0.0 if set(task.axes) <= set(layout.intents.exclusive) else -1.0,
        )

    def show(self, row: int) -> None:
        """Show the overlay of one row in a window, or in the cell of a notebook.

        Raises
        ------
        NeuroMotionError
            If matplotlib finds no display.
        """
        if self._screen is None:
            self._screen = open_screen()
        self._screen.show(self.frame(row, overlay=True))

    def close(self) -> None:
        """Free renderers and windows."""
        for renderer in (self._plain, self._framed):
            if renderer is not None:
                renderer.close()
        self._plain = self._framed = None
        if self._screen is not None:
            self._screen.close()
            self._screen = None
