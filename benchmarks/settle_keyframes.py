"""Compute where the controls of a limb's postures bring it: ``python benchmarks/settle_keyframes.py FILE.xml``.

A posture is a keyframe with controls. Its joint positions are those at which the limb comes to rest from home under
these controls; they are written back into the file. Nothing else of the file changes.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import mujoco
import numpy as np

SETTLE_S = 4.0
KEYFRAME = re.compile(r'<key name="(?P<name>\w+)"\s+qpos="(?P<qpos>[^"]*)"\s+ctrl="[^"]*"/>')
NUMBER = re.compile(r"\S+")


def main() -> None:
    """Settle every posture and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("limb", type=Path, help="MJCF file")
    path = parser.parse_args().limb
    model = mujoco.MjModel.from_xml_path(str(path))
    home = settled(model, "home", np.array(model.key("home").qpos))
    text = KEYFRAME.sub(lambda found: rewritten(found, settled(model, found["name"], home)), path.read_text("utf-8"))
    path.write_text(text, encoding="utf-8")


def settled(model: mujoco.MjModel, key: str, start: np.ndarray) -> np.ndarray:
    """Joint positions, shape (nq,), at rest under the controls of a keyframe, from ``start``."""
    data = mujoco.MjData(model)
    data.qpos[:] = start
    data.ctrl[:] = model.key(key).ctrl
    for _ in range(round(SETTLE_S / model.opt.timestep)):
        mujoco.mj_step(model, data)
    return np.array(data.qpos)


def rewritten(found: re.Match[str], qpos: np.ndarray) -> str:
    """A keyframe with other joint positions; spaces and lines stay as they are."""
    values = iter(qpos)
    numbers = NUMBER.sub(lambda _: f"{round(float(next(values)), 4) + 0.0:g}", found["qpos"])
    begin, end = found.span("qpos")
    whole = found.group()
    return whole[: begin - found.start()] + numbers + whole[end - found.start() :]


if __name__ == "__main__":
    main()
