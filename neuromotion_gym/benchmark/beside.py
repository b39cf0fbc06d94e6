"""`film_beside`: a video of two limbs, the one that a decoder drives beside the one that the true labels drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.benchmark.epoch_run import DECODED, TRUE
from neuromotion_gym.envs.options import CONTROL_S
from neuromotion_gym.rendering import SceneRenderer, VideoWriter
from neuromotion_gym.rendering.panels import GREY, Panel
from neuromotion_gym.rendering.snapshot import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from neuromotion_gym.benchmark.epoch_run import EpochRun
    from neuromotion_gym.limbs.limb import Limb

WIDTH, HEIGHT = 640, 720
"""Of one limb, in pixels."""
HEAD, FOOT = 70, 110
"""Heights of the rows of text above and below the limbs."""


def film_beside(path: Path, limb: Limb, run: EpochRun, title: str, every: int = 2) -> None:
    """Write the video, in real time.

    Parameters
    ----------
    path : path
        Ends in ``.mp4``.
    limb : Limb
        That of the run.
    run : EpochRun
    title : str
        First line of every picture.
    every : int
        Every n-th control period is drawn.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw.
    """
    size = (0, HEAD, WIDTH, HEIGHT - FOOT)
    with SceneRenderer(limb, WIDTH, HEIGHT, window=size) as renderer, VideoWriter(path, 1 / CONTROL_S / every) as video:
        for step in range(0, len(run.time_s), every):
            limbs = [renderer.frame(run.states[row, step], act=run.activations[row, step]) for row in (DECODED, TRUE)]
            video.add(_with_words(np.concatenate(limbs, axis=1), run, step, title))


def _with_words(picture: np.ndarray, run: EpochRun, step: int, title: str) -> np.ndarray:
    """The two pictures with what they show, the labels of this epoch, and how many were right so far."""
    from PIL import Image

    epoch = int(run.epoch_of_step[step])
    right = run.decoded == run.truth
    labels = {DECODED: run.labels[run.decoded[epoch]], TRUE: run.labels[run.truth[epoch]]}
    image, scale = Image.fromarray(picture), HEIGHT / 720
    head = Panel(2 * WIDTH / scale, HEAD, scale, colour=None)
    head.text((24, 14), title, 20, bold=True)
    so_far = f"epoch {epoch + 1} of {len(run.truth)}, {int(right[: epoch + 1].sum())} right so far"
    head.text((24, 42), so_far, 14, colour=GREY)
    head.paste(image, 0, 0)
    foot = Panel(2 * WIDTH / scale, FOOT, scale, colour=None)
    for row, words in ((DECODED, "decoded"), (TRUE, "true label")):
        middle = (row + 0.5) * WIDTH / scale
        foot.text((middle, 26), words, 15, colour=GREY, anchor="mm")
        foot.text((middle, 56), spoken(labels[row]), 24, bold=True, anchor="mm")
    foot.mark((0.5 * WIDTH / scale + 130, 56), bool(right[epoch]))
    foot.paste(image, 0, 720 - FOOT)
    return np.asarray(image)
