"""Make the gallery, one small video of each environment: ``python benchmarks/gallery.py [ID ...]``.

The videos are written to docs/images/gallery. Each shows the first episode, of seeds 0, 1, 2 ..., in which the default
decoder succeeds, on the level of ``neuromotion demo``, with generated signals of the first person of the test part.
With ``--arms`` the arm is drawn at home, right and left, in docs/images/arm_sides.png; with ``--stills``, one frame of
`STILLS` each with all its panels, in docs/images.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image

from neuromotion_gym.benchmark.episodes import EpisodeKey, episode_keys
from neuromotion_gym.benchmark.settings import usual_setting
from neuromotion_gym.controllers import Controller, make_controller
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble, choose_decoder
from neuromotion_gym.envs.picture import Picture
from neuromotion_gym.envs.view import View
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.model import Side
from neuromotion_gym.registration import ENVIRONMENTS, environment
from neuromotion_gym.rendering import SceneRenderer

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images" / "gallery"
WIDTH, HEIGHT = 640, 360
FRAME_S, LINGER_S = 0.1, 1.5
LONGEST_S, FASTEST = 6.0, 4
"""Longer episodes are shown faster than real time, by a whole number up to `FASTEST`; of even longer ones the end."""
TRIES = 20
STILLS = {
    "NeuroArm-v0": ("arm.png", "standard", 5.3),
    "NeuroGrasp-v0": ("neurograsp.png", "standard", 8.2),
    "NeuroLeg-v0": ("neuroleg.png", "standard", 8.5),
}
"""File, level and second of each picture; of the first episode that succeeds and lasts as long."""
QUALITY = 88


def main() -> None:
    """Make the videos of the given environments, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*", default=list(ENVIRONMENTS))
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--arms", action="store_true")
    parser.add_argument("--stills", action="store_true")
    options = parser.parse_args()
    if options.arms:
        draw_arms(FOLDER.parent / "arm_sides.png")
        return
    if options.stills:
        for env_id in sorted(set(options.ids) & set(STILLS)):
            print(still(env_id, FOLDER.parent), flush=True)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for env_id in options.ids:
        print(film(env_id, options.out / f"{env_id.lower()}.webp"), flush=True)


def draw_arms(path: Path) -> None:
    """Draw the arm at home, right and left side by side."""
    width, height = 440, 720
    sheet = Image.new("RGB", (2 * width, height))
    for place, side in enumerate(get_args(Side)):
        limb = Limb.load("arm", side=side)
        with SceneRenderer(limb, width, height) as renderer:
            sheet.paste(
                Image.fromarray(renderer.frame(limb.qpos_at(np.zeros((1, 1)), ["grip"])[0])), (place * width, 0)
            )
    sheet.save(path, optimize=True)


def film(env_id: str, path: Path) -> str:
    """Film one environment; returns what the video shows, in words."""
    decoder = environment(env_id).decoder
    setting = usual_setting(choose_decoder(None, decoder).spec, env_id)
    loop = ClosedLoop(assemble(env_id, level=setting.level, part="test"), keep_s=0.2)
    controller = make_controller(setting.controller, loop.layout)
    key = episode_keys(loop.parts.source.sessions, 1)[0]
    view = View(loop, picture=Picture(WIDTH, HEIGHT), panels=False)
    try:
        seed = next((seed for seed in range(TRIES) if play(loop, controller, key, seed)), None)
        if seed is None:
            raise SystemExit(f"{env_id}: no success in {TRIES} episodes")
        seconds = loop.steps[0] * loop.layout.control_s
        speed = min(FASTEST, max(1, int(np.ceil(seconds / LONGEST_S))))
        every = round(FRAME_S * speed / loop.layout.control_s)
        first = max(0, int(loop.steps[0]) - round(LONGEST_S / FRAME_S) * every)
        frames: list[Image.Image] = []
        if not play(loop, controller, key, seed, view, range(first, loop.max_steps, every), frames):
            raise SystemExit(f"{env_id}: the episode did not end as before")
    finally:
        view.close()
        loop.close()
    durations = [round(1000 * FRAME_S)] * (len(frames) - 1) + [round(1000 * LINGER_S)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=QUALITY, method=6)
    size = path.stat().st_size / 1e6
    return f"{path.name}: {decoder}, {setting.level}, seed {seed}, {seconds:.1f} s, {speed} x, {size:.2f} MB"


def still(env_id: str, folder: Path) -> str:
    """Draw one frame of an environment; returns what it shows, in words."""
    name, level, second = STILLS[env_id]
    loop = ClosedLoop(assemble(env_id, level=level, part="test"), keep_s=3.0)
    controller = make_controller("argmax", loop.layout)
    key = episode_keys(loop.parts.source.sessions, 1)[0]
    step = round(second / loop.layout.control_s)
    view = View(loop, controller="argmax")
    frames: list[Image.Image] = []
    try:
        seed = next(seed for seed in range(TRIES) if play(loop, controller, key, seed) and int(loop.steps[0]) > step)
        play(loop, controller, key, seed, view, range(step, step + 1), frames)
    finally:
        view.close()
        loop.close()
    frames[0].save(folder / name, optimize=True)
    return f"{name}: {level}, seed {seed}, {second:g} s"


def play(
    loop: ClosedLoop,
    controller: Controller,
    key: EpisodeKey,
    seed: int,
    view: View | None = None,
    drawn: range = range(0),
    frames: list[Image.Image] | None = None,
) -> bool:
    """Play one episode and return its success; with ``view``, pictures of the steps in ``drawn`` go to ``frames``."""
    loop.reset(np.zeros(1, dtype=int), [key.generator(seed)], sessions=np.array([key.session]))
    state = None
    while not loop.over[0]:
        if view is not None and frames is not None and int(loop.steps[0]) in drawn:
            frames.append(Image.fromarray(view.frame(0, overlay=True)))
        action, state = controller.predict(np.asarray(loop.observation()), state)
        loop.step(action)
    if view is not None and frames is not None:
        frames.append(Image.fromarray(view.frame(0, overlay=True)))
    return bool(loop.success[0])


if __name__ == "__main__":
    main()
