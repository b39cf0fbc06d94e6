"""The leg against the tables that it is built from, and against what is known of people's legs."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest

from neuromotion_gym.intents import intent_table
from neuromotion_gym.limbs import Limb

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
BODY_KG = 73.0
LENGTH_M = {"thigh": 0.4222, "shank": 0.4340, "foot": 0.2581}
DE_LEVA = {  # de Leva 1996, table 4, men: mass, centre of mass, radii of gyration (sagittal, transverse, longitudinal)
    "thigh": (0.1416, 0.4095, (0.329, 0.329, 0.149)),
    "shank": (0.0433, 0.4459, (0.255, 0.249, 0.103)),
    "foot": (0.0137, 0.4415, (0.257, 0.245, 0.124)),
}
MUSCLES = ("TA", "MG", "SOL", "BF", "ST", "VL", "RF", "LG", "VM")


@pytest.fixture(scope="module")
def leg() -> Limb:
    return Limb.load("leg")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`benchmarks/leg_muscles.py`, which holds the published values."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        return importlib.import_module("leg_muscles")


@pytest.fixture(scope="module")
def seated(script):
    return script.Measured()


@pytest.mark.parametrize("segment", DE_LEVA)
def test_segments_have_the_masses_of_the_table(leg, segment):
    share, centre, gyration = DE_LEVA[segment]
    body, length = leg.model.body(segment), LENGTH_M[segment]
    assert body.mass[0] == pytest.approx(share * BODY_KG, rel=1e-3)
    sagittal, transverse, longitudinal = float(body.mass[0]) * (np.array(gyration) * length) ** 2
    if segment == "foot":  # its long axis lies forward; the heel is 55 mm behind the ankle
        np.testing.assert_allclose(body.inertia, [longitudinal, transverse, sagittal], rtol=2e-3)
        assert body.ipos[0] == pytest.approx(centre * length - 0.055, abs=1e-3)
    else:
        np.testing.assert_allclose(body.inertia, [sagittal, transverse, longitudinal], rtol=2e-3)
        assert -body.ipos[2] == pytest.approx(centre * length, abs=1e-4)


def test_segments_have_the_lengths_of_the_table(leg):
    assert -leg.model.body("shank").pos[2] == pytest.approx(LENGTH_M["thigh"])
    assert -leg.model.body("foot").pos[2] == pytest.approx(LENGTH_M["shank"])


def test_ranges_of_motion_are_those_of_the_table(leg):
    for name, wanted in (("knee", (0, 142.5)), ("ankle", (-56.2, 12.6))):
        np.testing.assert_allclose(np.degrees([leg.degree(name).low, leg.degree(name).high]), wanted, atol=0.1)
        np.testing.assert_allclose(leg.model.joint(name).range, [leg.degree(name).low, leg.degree(name).high])


def test_every_muscle_has_a_label_of_its_own(leg):
    muscles = [leg.model.actuator(i).name for i in range(leg.model.nu)]
    assert tuple(muscles) == MUSCLES
    moved = {intent.degree: label for label, intent in intent_table("leg").items() if intent.degree}
    assert moved == {name: name for name in MUSCLES}


def test_moment_arms_are_inside_the_published_interval_or_line_widened_by_15_percent(script, seated):
    for arm in script.ARMS:
        angles = np.linspace(*arm.angles, 5)
        postures = [(angle, 0.0) if arm.joint == "knee" else (10.0, angle) for angle in angles]
        found = np.array([abs(seated.moment_arms(*posture)[arm.muscle][arm.joint]) for posture in postures])
        low, high = arm.band(angles, 0.15)
        assert ((found >= low) & (found <= high)).all(), (arm, found)


def test_an_interval_is_widened_at_both_ends_for_all_angles_and_a_line_at_each_angle(script):
    angles = np.array([10.0, 50.0, 90.0])
    wide = script.Arm("M", "knee", (10, 90), 1.0, 2.0, "").band(angles, 0.15)
    np.testing.assert_allclose(wide, [[0.85] * 3, [2.3] * 3])
    narrow = script.Arm("M", "knee", (10, 90), 4.0, 2.0, "", linear=True).band(angles, 0.15)
    np.testing.assert_allclose(narrow, [[3.4, 2.55, 1.7], [4.6, 3.45, 2.3]])


def test_every_published_value_names_its_author_or_entry_and_its_year(script):
    for row in (*script.ARMS, *script.TORQUES):
        assert re.match(r"(\w+ |PMID \d{8} \()(19|20)\d\d\b", row.source), row.source


@pytest.mark.parametrize("hip", [0.0, 80.0])
def test_every_muscle_turns_the_joints_that_it_crosses_and_no_other(script, hip):
    model = script.Measured(hip)
    for knee in (0.0, 70.0, 142.0):
        for ankle in (-56.0, 12.0):
            arms = model.moment_arms(knee, ankle)
            for muscle in MUSCLES:
                for joint in script.JOINTS:
                    sign = script.SIGNS[muscle].get(joint, 0)
                    value = arms[muscle][joint]
                    assert value * sign > 0.5 if sign else abs(value) < 1e-6, (muscle, joint, knee, ankle, value)


def test_isometric_torques_are_those_of_people(script, seated):
    for torque in script.TORQUES:
        found = seated.strength(torque.group, torque.knee, torque.ankle)
        assert torque.low <= found <= torque.high, (torque, found)


def test_left_leg_has_the_same_lengths_and_forces(leg):
    left, found = Limb.load("leg", side="left"), []
    for model in (leg.model, left.model):
        data = mujoco.MjData(model)
        data.qpos[:], data.act[:] = (1.1, -0.4), 0.5
        mujoco.mj_forward(model, data)
        found.append(np.concatenate([data.actuator_length, data.actuator_force, data.qfrc_actuator]))
        assert np.sign(data.body("foot").xpos[1]) == (-1 if model is leg.model else 1)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_gastrocnemius_gives_less_when_the_knee_is_bent(seated):
    straight, bent = (seated.strength("plantar flexion", knee, 0.0) for knee in (5.0, 90.0))
    assert 0.5 < bent / straight < 0.85  # 93 of 154 N m in people


def test_passive_torques_are_small_over_the_whole_range(seated):
    for knee in (0.0, 20.0, 70.0, 120.0, 142.0):
        for ankle in (-56.0, -20.0, 12.0):
            assert abs(seated.torque("knee", knee, ankle, ())) < 7.0  # 3 % of the strongest extension
            assert abs(seated.torque("ankle", knee, ankle, ())) < 4.0


def test_relaxed_leg_stays_at_home_and_has_no_passive_force_there(leg):
    data = mujoco.MjData(leg.model)
    mujoco.mj_resetDataKeyframe(leg.model, data, leg.model.key("home").id)
    start = data.qpos.copy()
    mujoco.mj_step(leg.model, data, 2000)
    assert np.abs(data.qpos - start).max() < 1e-3
    assert np.abs(data.actuator_force).max() < 0.1


def test_relaxed_leg_swings_as_in_a_pendulum_test(script):
    found = script.pendulum()
    np.testing.assert_allclose(found, script.PENDULUM, atol=0.04)


@pytest.mark.parametrize("kind", ["random", "bang-bang"])
def test_ten_seconds_of_any_excitation_stay_stable(leg, kind):
    model, data = leg.model, mujoco.MjData(leg.model)
    mujoco.mj_resetDataKeyframe(model, data, model.key("home").id)
    rng = np.random.default_rng(0)
    beyond = 0.0
    for _ in range(round(10 / 0.05)):
        data.ctrl[:] = rng.random(model.nu) if kind == "random" else rng.integers(0, 2, model.nu)
        mujoco.mj_step(model, data, round(0.05 / model.opt.timestep))
        low, high = model.jnt_range.T
        beyond = max(beyond, float(np.max([low - data.qpos, data.qpos - high])))
    assert np.isfinite(data.qpos).all()
    assert data.time == pytest.approx(10.0)  # MuJoCo resets a simulation that became unstable
    assert beyond < np.radians(10)


def test_foot_rests_on_a_floor_but_does_not_reach_it_from_the_seat(leg):
    spec = mujoco.MjSpec.from_file(str(leg.path))
    low = spec.compile()
    data = mujoco.MjData(low)
    for knee in np.linspace(0, 2.48, 7):
        for ankle in (-0.98, 0.0, 0.22):
            data.qpos[:] = knee, ankle
            mujoco.mj_forward(low, data)
            assert data.ncon == 0, (knee, ankle)
    spec.body("pelvis").pos[2] = 0.50  # a low chair: the shank is upright and the foot on the floor
    low = spec.compile()
    data = mujoco.MjData(low)
    data.qpos[:] = np.pi / 2, 0.0
    mujoco.mj_step(low, data, 400)
    assert data.ncon >= 2
    assert min(data.contact[i].dist for i in range(data.ncon)) > -0.003


def test_committed_table_and_page_are_those_of_the_script(script):
    found = json.loads(script.RESULT.read_text(encoding="utf-8"))
    page = script.PAGE.read_text(encoding="utf-8")
    assert page.split(script.BEGIN)[1].split(script.END)[0].strip() == script.table(found)
    model = script.Measured()
    for row in found["torques"]:
        assert model.strength(row["group"], row["knee"], row["ankle"]) == pytest.approx(row["measured"], abs=0.5)
