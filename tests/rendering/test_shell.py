"""Skins that one can see through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from neuromotion_gym.limbs import Limb
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.rendering.shell import RIM, Shell
from neuromotion_gym.rendering.skin import add_skins
from neuromotion_gym.resources import assets_root

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
<mujoco>
  <include file="{studio}"/>
  <asset>
    <material name="skin_clear" rgba="0 0 1 {opacity}"/>
    <material name="inside" rgba="1 0 0 1"/>
  </asset>
  <worldbody>
    <camera name="overview" pos="0 -1.2 0" xyaxes="1 0 0 0 0 1"/>
    <body gravcomp="1">
      <joint name="flap" axis="0 1 0" range="-1 1"/>
      <geom type="ellipsoid" size="0.2 0.1 0.15" material="skin_clear"/>
      <geom type="sphere" size="0.06" material="inside"/>
    </body>
  </worldbody>
  <actuator> <position name="bend" joint="flap" kp="1" ctrlrange="-1 1"/> </actuator>
  <sensor> <jointpos name="bend_pos" joint="flap"/> <jointvel name="bend_vel" joint="flap"/> </sensor>
  <keyframe> <key name="home" qpos="0"/> </keyframe>
</mujoco>
"""


def limb(folder: Path, opacity: float) -> Limb:
    path = folder / f"clear_{opacity}.xml"
    path.write_text(MODEL.format(studio=assets_root() / "scenes" / "studio.xml", opacity=opacity), encoding="utf-8")
    return Limb.load(path)


def test_translucent_skins_are_taken_out_of_the_model(tmp_path):
    model = add_skins(limb(tmp_path, 0.4).spec())
    shell = Shell.of(model)
    assert shell is not None
    assert list(model.skin_group) == [5]
    assert list(shell.model.skin_group) == [0]
    assert (shell.model.geom_group == 5).all()
    assert shell.model.mat_rgba[shell.model.skin_matid[0], 3] == 1.0
    assert Shell.of(add_skins(limb(tmp_path, 1.0).spec())) is None


def test_skin_is_blended_before_what_lies_behind_it_and_stronger_at_its_rim():
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    shell = Shell(model, 0.4)
    depth = np.full((60, 60), 1.0)
    depth[:, 30:] += 0.5 * np.arange(1, 31)  # seen from its side
    inner = np.full((60, 60), np.inf)
    inner[0] = 0.5
    picture, white = np.zeros((60, 60, 3)), np.full((60, 60, 3), 100.0)
    shell.blend(picture, inner, white, depth)
    assert (picture[0] == 0.0).all()
    np.testing.assert_allclose(picture[1:, :29], 40.0)
    np.testing.assert_allclose(picture[1:, 31:36], 100 * RIM, atol=10.0)
    empty = np.zeros((60, 60, 3))
    shell.blend(empty, inner, white, np.full((60, 60), np.inf))
    assert (empty == 0.0).all()


def test_picture_shows_what_is_below_the_skin_and_the_skin_before_the_background(tmp_path, can_draw):
    with SceneRenderer(limb(tmp_path, 0.4), 320, 240) as renderer:
        frame = renderer.frame(np.zeros(1)).astype(int)
    centre, beside, outside = frame[120, 160], frame[120, 200], frame[5, 5]
    assert centre[0] - centre[1] > 60, "the red sphere"
    assert beside[2] - beside[0] > 40, "the blue skin, before the background"
    assert beside[0] > 60, "and the background shines through"
    assert outside[2] - outside[0] < 15
