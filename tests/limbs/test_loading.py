"""Limbs of one's own: what a model has to hold, and what is said when it does not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs import Limb

GOOD = """
<mujoco model="hinge">
  <compiler angle="radian"/>
  <option timestep="0.005" integrator="implicitfast"/>
  <worldbody>
    <body name="lever" gravcomp="1">
      <joint name="hinge" type="hinge" axis="0 1 0" range="-1 2" limited="true"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0 0 -0.3" mass="1"/>
    </body>
  </worldbody>
  <actuator><position name="bend" joint="hinge" kp="50" dampratio="1" ctrlrange="-1 2" ctrllimited="true"/></actuator>
  <sensor><jointpos name="bend_pos" joint="hinge"/><jointvel name="bend_vel" joint="hinge"/></sensor>
  <keyframe><key name="home" qpos="0.5" ctrl="0.5"/></keyframe>
</mujoco>
"""


def load(tmp_path, text: str) -> Limb:
    path = tmp_path / "hinge.xml"
    path.write_text(text)
    return Limb.load(path)


def test_a_model_with_the_right_names_needs_no_code(tmp_path):
    limb = load(tmp_path, GOOD)
    (degree,) = limb.degrees
    assert (limb.name, degree.name, degree.low, degree.high) == ("hinge", "bend", -1.0, 2.0)
    assert degree.home == pytest.approx(0.5, abs=1e-4)
    np.testing.assert_allclose(
        limb.control(np.array([[-1.0], [0.0], [0.5], [1.0], [7.0]]), ("bend",))[:, 0], [-1, 0.5, 1.25, 2, 2]
    )
    assert limb.qpos_at(np.array([[0.5]]), ("bend",))[0, 0] == pytest.approx(1.25, abs=1e-3)


def test_scaling_has_its_own_half_range_on_each_side(tmp_path):
    limb = load(tmp_path, GOOD)
    sensors = np.zeros((3, limb.model.nsensordata))
    sensors[:, limb.sensor("bend_pos")] = np.array([[-0.25], [0.5], [1.25]])
    sensors[:, limb.sensor("bend_vel")] = 3.0
    np.testing.assert_allclose(limb.positions(sensors, ("bend",))[:, 0], [-0.5, 0.0, 0.5], atol=1e-4)
    np.testing.assert_allclose(limb.motion(sensors, ("bend",))[1][[0, 2], 0], [2.0, 2.0], atol=1e-3)


MUSCLE = """
<mujoco model="pulled">
  <compiler angle="radian"/>
  <option timestep="0.005" integrator="implicitfast"/>
  <worldbody>
    <site name="origin" pos="0.05 0 0.2"/>
    <body name="lever" gravcomp="1">
      <joint name="hinge" axis="0 1 0" range="-1 2" limited="true" damping="1"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0 0 -0.3" mass="1"/>
      <site name="end" pos="0.05 0 -0.1"/>
    </body>
  </worldbody>
  <tendon><spatial name="pull"><site site="origin"/><site site="end"/></spatial></tendon>
  <actuator>
    <muscle name="pull" tendon="pull" force="10" lengthrange="0.2 0.5" ctrlrange="0 1" ctrllimited="true"/>
  </actuator>
  <sensor><jointpos name="bend_pos" joint="hinge"/><jointvel name="bend_vel" joint="hinge"/></sensor>
  <custom><numeric name="bend_range" data="-1 2"/></custom>
  <keyframe><key name="home" qpos="0.5"/></keyframe>
</mujoco>
"""


def test_degree_without_an_actuator_has_to_be_a_joint(tmp_path):
    other = MUSCLE.replace('<jointpos name="bend_pos" joint="hinge"/>', '<tendonpos name="bend_pos" tendon="pull"/>')
    with pytest.raises(NeuroMotionError, match="'bend_pos' of limb 'hinge' has to be a jointpos"):
        load(tmp_path, other.replace('data="-1 2"', 'data="0 1"'))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<worldbody>", "<wordlbody>", "cannot read"),
        ('name="home"', 'name="rest"', "no keyframe 'home'"),
        ('<jointvel name="bend_vel" joint="hinge"/>', "", "no sensor 'bend_vel'"),
        ('<jointpos name="bend_pos" joint="hinge"/>', "", "moves the actuators bend"),
        ('name="bend" joint="hinge"', 'name="push" joint="hinge"', "moves the actuators push"),
        ('ctrlrange="-1 2" ctrllimited="true"', "", "need a ctrlrange"),
        ('qpos="0.5" ctrl="0.5"', 'qpos="2" ctrl="2"', "well inside its range"),
    ],
)
def test_what_is_missing_is_named(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(NeuroMotionError, match=message):
        load(tmp_path, GOOD.replace(old, new))


def test_a_limb_that_becomes_unstable_is_not_taken_for_resting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its log here
    limb = load(tmp_path, GOOD.replace('kp="50"', 'kp="1e12"'))
    with pytest.raises(NeuroMotionError, match="unstable"):
        limb.state_at(np.ones((1, 1)), ("bend",))


@pytest.mark.parametrize(
    "text", ["", "not xml", "<mujoco>", "\x00\x01", '<mujoco><include file="nowhere.xml"/></mujoco>']
)
def test_corrupt_files_give_the_library_s_own_error(tmp_path, text):
    with pytest.raises(NeuroMotionError):
        load(tmp_path, text)


def test_unknown_limb_lists_the_known_ones():
    with pytest.raises(NeuroMotionError, match="arm"):
        Limb.load("tentacle")


def test_missing_file_is_named():
    with pytest.raises(NeuroMotionError, match=r"nowhere[/\\]\w+\.xml"):
        Limb.load("nowhere/leg.xml")


def test_degrees_that_share_an_actuator_are_refused():
    arm = Limb.load("arm")
    with pytest.raises(NeuroMotionError, match="share an actuator"):
        arm.control(np.zeros((1, 2)), ("grip", "index"))


def test_unknown_degree_lists_the_known_ones():
    with pytest.raises(NeuroMotionError, match="elbow_flexion"):
        Limb.load("arm").control(np.zeros((1, 1)), ("elbow",))


def test_import_sets_no_environment_variable():
    code = (
        "import os; before = dict(os.environ); import neuromotion_gym.limbs, neuromotion_gym.rendering; "
        "print(dict(os.environ) == before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
