"""Pictures: that the limb is in them, that it moves, that the ghost shows, and that nothing is cut off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym import opengl
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.model import limb_spec
from neuromotion_gym.rendering import SceneRenderer, backend, scene
from neuromotion_gym.rendering.scene import ACCENT
from neuromotion_gym.resources import assets_root
from neuromotion_gym.tasks.task import Mark

if TYPE_CHECKING:
    from pathlib import Path

DEGREES = ("wrist_flexion", "wrist_deviation", "grip")
SIZE = (320, 240)


@pytest.fixture(scope="module")
def renderer(arm, can_draw):
    with SceneRenderer(arm, *SIZE, degrees=DEGREES) as made:
        yield made


def posture(arm: Limb, *places: float) -> np.ndarray:
    return arm.qpos_at(np.array([places]), DEGREES)[0]


def like(frame: np.ndarray, colour: tuple[int, int, int], spread: int = 60) -> np.ndarray:
    return np.abs(frame.astype(int) - colour).max(axis=-1) < spread


def test_frame_has_the_size_asked_for_and_holds_a_limb(renderer, arm):
    frame = renderer.frame(posture(arm, 0, 0, 0))
    assert frame.shape == (SIZE[1], SIZE[0], 3)
    assert frame.dtype == np.uint8
    red, green, blue = np.moveaxis(frame.astype(int), -1, 0)
    skin = (red - blue > 25) & (red > green)
    assert 0.02 < skin.mean() < 0.7


def test_same_posture_gives_the_same_picture_and_another_does_not(renderer, arm):
    rest, fist = posture(arm, 0, 0, 0), posture(arm, 0, 0, 1)
    first = renderer.frame(rest)
    moved = renderer.frame(fist)
    np.testing.assert_array_equal(first, renderer.frame(rest))
    assert (np.abs(first.astype(int) - moved).max(axis=-1) > 20).mean() > 0.01


def test_ghost_is_drawn_where_it_differs_and_nowhere_else(renderer, arm):
    rest = posture(arm, 0, 0, 0)
    plain = renderer.frame(rest)
    apart = renderer.frame(rest, posture(arm, -0.8, 0.8, 0.8))
    same = renderer.frame(rest, rest)
    changed = np.abs(apart.astype(int) - plain).max(axis=-1) > 12
    assert changed.mean() > 0.01
    assert (like(apart, ACCENT) & ~like(plain, ACCENT)).sum() > 50
    assert (np.abs(same.astype(int) - plain).max(axis=-1) > 12).mean() < 1e-3


def test_ghost_shows_nothing_along_the_outline_of_what_it_coincides_with():
    """A ghost at the limb's place is not seen one pixel beside its outline, nor behind what hides the limb."""
    limb, ghost = np.full((40, 40), np.inf), np.full((40, 40), np.inf)
    limb[10:30, 10:30], ghost[9:31, 9:31] = 1.0, 1.0
    hidden = limb.copy()
    hidden[5:20, 5:35] = 0.5
    for depth, layers, seen in (
        (limb, (), False),
        (hidden, (limb,), False),
        (hidden, (), True),
        (limb - 0.1, (), True),
    ):
        picture = np.zeros((40, 40, 3))
        scene._Ghost(np.zeros(1), np.full((40, 40, 3), 255, dtype=np.uint8), ghost).blend(picture, depth, layers)
        assert (picture > 0).any() == seen


@pytest.mark.parametrize("apart", [-0.1, 0.1])
def test_small_separate_pieces_of_the_ghost_are_not_drawn(apart):
    """In front of the limb and behind it; a small ghost is drawn as long as it is the largest piece."""
    limb, large = np.full((60, 60), 1.0), np.full((60, 60), np.inf)
    large[10:40, 10:40] = 1.0 + apart
    specks = np.full((60, 60), np.inf)
    specks[50:52, 50:52] = specks[5, 20] = 1.0 + apart
    for depth, seen in ((np.minimum(large, specks), np.isfinite(large)), (specks, np.isfinite(specks))):
        picture = np.zeros((60, 60, 3))
        scene._Ghost(np.zeros(1), np.full((60, 60, 3), 255, dtype=np.uint8), depth).blend(picture, limb)
        np.testing.assert_array_equal((picture > 0).any(axis=2), seen)


def test_ghost_follows_its_posture(renderer, arm):
    rest = posture(arm, 0, 0, 0)
    one = renderer.frame(rest, posture(arm, 0.8, 0, 0))
    other = renderer.frame(rest, posture(arm, -0.8, 0, 0))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("degrees", [DEGREES, ("elbow_flexion",), ("index",)])
def test_movement_never_reaches_the_border(arm, can_draw, degrees):
    with SceneRenderer(arm, *SIZE, degrees=degrees) as made:
        frames = [made.frame(arm.qpos_at(np.zeros((1, len(degrees))), degrees)[0])]
        for row in np.concatenate([np.eye(len(degrees)), -np.eye(len(degrees))]):
            frames.append(made.frame(arm.qpos_at(row[None], degrees)[0]))
    moving = np.ptp(np.stack(frames).astype(int), axis=0).max(axis=-1) > 40
    assert moving.any()
    edge = np.concatenate([moving[:2].ravel(), moving[-2:].ravel(), moving[:, :2].ravel(), moving[:, -2:].ravel()])
    assert not edge.any()


def test_outside_the_window_nothing_is_drawn(arm, can_draw):
    with SceneRenderer(arm, *SIZE, degrees=DEGREES, window=(80, 40, 280, 200)) as made:
        frame = made.frame(posture(arm, 0, 0, 0))
        empty = made._background
    outside = np.ones(SIZE[::-1], dtype=bool)
    outside[40:200, 80:280] = False
    np.testing.assert_array_equal(frame[outside], empty[outside])
    assert (frame != empty).any()


def test_two_renderers_live_side_by_side(renderer, arm):
    rest = posture(arm, 0, 0, 0)
    before = renderer.frame(rest)
    with SceneRenderer(arm, 160, 120, smooth=False) as other:
        assert other.frame(rest).shape == (120, 160, 3)
        np.testing.assert_array_equal(renderer.frame(rest), before)
    np.testing.assert_array_equal(renderer.frame(rest), before)


def test_drawing_leaves_the_limb_as_it_was(arm, can_draw):
    before = (int(arm.model.vis.global_.offwidth), arm.model.geom_group.copy(), arm.model.mat_rgba.copy())
    with SceneRenderer(arm, *SIZE, smooth=False) as made:
        made.frame(posture(arm, 0, 0, 0), posture(arm, 1, 0, 0))
    assert int(arm.model.vis.global_.offwidth) == before[0]
    np.testing.assert_array_equal(arm.model.geom_group, before[1])
    np.testing.assert_array_equal(arm.model.mat_rgba, before[2])


def test_asking_again_leaves_a_renderer_alive(arm, can_draw):
    with SceneRenderer(arm, 96, 64) as renderer:
        opengl.choose.cache_clear()
        assert backend.rendering_available()
        home = arm.qpos_at(np.zeros((1, 1)), ["grip"])[0]
        assert renderer.frame(home).shape == (64, 96, 3)


MUSCLE = """
<mujoco>
  <include file="{studio}"/>
  <worldbody>
    <camera name="overview" pos="0.15 -1.2 0.1" xyaxes="1 0 0 0 0.08 1"/>
    <site name="a" pos="0 0 0.2"/>
    <body gravcomp="1">
      <joint name="flap" axis="0 1 0" range="-1 1"/>
      <geom type="capsule" size=".02" fromto="0 0 0 .3 0 0" material="skin"/>
      <site name="b" pos="0.2 0 0"/>
    </body>
  </worldbody>
  <tendon> <spatial name="lift" width="0.008"> <site site="a"/> <site site="b"/> </spatial> </tendon>
  <actuator> <muscle name="lift" tendon="lift" lengthrange="0.1 0.4" force="20" ctrlrange="0 1"/>
  </actuator>
  <custom> <numeric name="flap_range" data="-1 1"/> </custom>
  <sensor> <jointpos name="flap_pos" joint="flap"/> <jointvel name="flap_vel" joint="flap"/> </sensor>
  <keyframe> <key name="home" qpos="0"/> </keyframe>
</mujoco>
"""


def test_a_muscle_grows_thicker_and_redder_with_activation_and_marks_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "wing.xml"
    path.write_text(MUSCLE.format(studio=assets_root() / "scenes" / "studio.xml"), encoding="utf-8")
    limb = Limb.load(path)
    target = Mark("disc", np.array([0.15, -0.1, -0.1]), (0.05, 0.002, 0.0), (0.0, 0.2, 1.0), 1.0, (0.0, -1.0, 0.0))
    with SceneRenderer(limb, 320, 240) as renderer:
        rest, active = (renderer.frame(np.zeros(1), act=np.array([share])).astype(int) for share in (0.0, 1.0))
        marked = renderer.frame(np.zeros(1), act=np.zeros(1), marks=(target,)).astype(int)
    red = [np.count_nonzero(frame[..., 0] - frame[..., 2] > limit) for frame, limit in ((rest, 70), (active, 70))]
    assert red[1] > 1.2 * red[0] > 0
    assert (active[..., 0] - active[..., 2]).max() > (rest[..., 0] - rest[..., 2]).max() + 30
    blue = np.argwhere(marked[..., 2] - marked[..., 0] > 100)
    assert len(blue) > 50
    assert 0.4 < np.ptp(blue[:, 0]) / np.ptp(blue[:, 1]) < 1.2  # nearly round, since it faces the camera


def test_a_mark_behind_the_limb_shows_faintly_through_it(tmp_path: Path) -> None:
    path = tmp_path / "wing.xml"
    path.write_text(MUSCLE.format(studio=assets_root() / "scenes" / "studio.xml"), encoding="utf-8")
    limb = Limb.load(path)
    near, far = (
        Mark("disc", np.array([0.15, y, 0.0]), (0.015, 0.001, 0.0), (0.0, 0.2, 1.0), 1.0, (0.0, -1.0, 0.0))
        for y in (-0.1, 0.1)
    )
    with SceneRenderer(limb, 320, 240) as renderer:
        plain, before, behind = (renderer.frame(np.zeros(1), marks=marks) for marks in ((), (near,), (far,)))
    strong, faint = (np.abs(frame.astype(int) - plain).max(axis=-1) for frame in (before, behind))
    assert np.count_nonzero(faint > 10) > 20
    assert 0.1 * strong.max() < faint.max() < 0.5 * strong.max()


def test_a_mark_shows_before_the_background_and_a_scene_has_its_own_view(tmp_path: Path) -> None:
    path, scene = tmp_path / "wing.xml", tmp_path / "board.xml"
    path.write_text(MUSCLE.format(studio=assets_root() / "scenes" / "studio.xml"), encoding="utf-8")
    scene.write_text(
        '<mujoco><worldbody><camera name="board" pos="-1.2 0 0" xyaxes="0 -1 0 0 0 1"/></worldbody></mujoco>',
        encoding="utf-8",
    )
    limb = Limb("wing", limb_spec(path, scene).compile(), path, scene)
    marks = [
        Mark("disc", np.array([0.0, side, 0.1]), (0.05, 0.002, 0.0), (0.0, 0.2, 1.0), 0.5, normal)
        for side, normal in ((0.15, (1.0, 0.0, 0.0)), (-0.15, (0.0, 1.0, 0.0)))
    ]
    with SceneRenderer(limb, 320, 240) as renderer:
        assert renderer._camera.fixedcamid == limb.model.camera("board").id
        plain, *marked = (renderer.frame(np.zeros(1), marks=shown).astype(int) for shown in ((), marks[:1], marks[1:]))
    flat, edge = (np.argwhere(np.abs(frame - plain).max(axis=-1) > 20) for frame in marked)
    assert len(flat) > 200
    assert flat[:, 1].max() < 160  # on the left side, as the camera of the scene sees it
    assert np.ptp(flat[:, 1]) > 5 * np.ptp(edge[:, 1]) > 0


def test_skins_are_computed_again_if_a_file_that_the_model_includes_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(scene, "add_skins", lambda spec: spec.compile())
    file, included = tmp_path / "rod.xml", tmp_path / "inside.xml"
    file.write_text('<mujoco><include file="inside.xml"/></mujoco>', "utf-8")
    sizes = []
    for radius in (0.1, 0.2):
        included.write_text(
            f'<mujoco><worldbody><body><joint name="j"/><geom size="{radius}"/></body></worldbody></mujoco>', "utf-8"
        )
        limb = SimpleNamespace(path=file, scene=None, side="right", spec=lambda: limb_spec(file))
        sizes.append(scene.skinned(limb).geom_size[0, 0])
    assert sizes == [0.1, 0.2]
