"""Draw the postures of the hand on one sheet, docs/images/hand_postures.png: ``python benchmarks/hand_postures.py``.

Every posture is drawn where its controls bring the hand to rest, seen from the palm, or from the side of the thumb
where fingers and thumb would hide each other. All pictures have the same scale, with the hand in the middle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image

from neuromotion_gym.limbs import Limb
from neuromotion_gym.rendering.panels import Panel
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.rendering.snapshot import spoken

SHEET = Path(__file__).resolve().parents[1] / "docs" / "images" / "hand_postures.png"
CAMERAS = ("overview", "thumb_side")
THUMB_SIDE = {
    *("ok_sign", "pinch", "middle_pinch", "ring_pinch", "three_finger_pinch", "tripod", "cylinder_grip", "tabletop"),
    *("thumb_abduction", "wrist_flexion", "wrist_extension"),
}
COLUMNS = 8
WIDTH, HEIGHT, LABEL = 230, 210, 26
"""Size of a picture and height of its label, in pixels."""
DISTANCE_M = 0.5


def main() -> None:
    """Draw every posture and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHEET)
    parser.add_argument("--side", choices=("right", "left"), default="right")
    options = parser.parse_args()
    limb = Limb.load("hand", side=options.side)
    names = [limb.model.key(i).name for i in range(limb.model.nkey)]
    names = [name for name in names if name != "bind"]
    rows = -(-len(names) // COLUMNS)
    panel = Panel(COLUMNS * WIDTH, rows * (HEIGHT + LABEL), 1.0)
    fine = panel.image.width // round(panel.width)
    for camera in CAMERAS:
        view = direction(limb, camera)
        with SceneRenderer(limb, fine * WIDTH, fine * HEIGHT, camera=view) as renderer:
            for index, name in enumerate(names):
                if (name in THUMB_SIDE) == (camera == CAMERAS[1]):
                    row, column = divmod(index, COLUMNS)
                    left, top = column * WIDTH, row * (HEIGHT + LABEL)
                    qpos = np.array(limb.model.key(name).qpos)
                    view.lookat[:] = middle(limb, qpos)
                    panel.image.paste(Image.fromarray(renderer.frame(qpos)), (fine * left, fine * top))
                    panel.text((left + WIDTH / 2, top + HEIGHT + LABEL / 2), spoken(name), 13, anchor="mm")
    panel.image.reduce(fine).save(options.out, optimize=True)


def direction(limb: Limb, camera: str) -> mujoco.MjvCamera:
    """A camera that looks in the direction of one of the limb's."""
    backward = np.array(limb.model.cam_mat0[limb.model.camera(camera).id]).reshape(3, 3)[:, 2]
    view = mujoco.MjvCamera()
    view.azimuth = float(np.degrees(np.arctan2(-backward[1], -backward[0])))
    view.elevation = float(np.degrees(np.arcsin(-backward[2])))
    view.distance = DISTANCE_M
    return view


def middle(limb: Limb, qpos: np.ndarray) -> np.ndarray:
    """Middle of the hand in a posture, shape (3,), metres."""
    model, data = limb.model, mujoco.MjData(limb.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    carried = data.geom_xpos[np.array(model.geom_bodyid) >= model.body("hand").id]
    return np.asarray((carried.min(axis=0) + carried.max(axis=0)) / 2)


if __name__ == "__main__":
    main()
