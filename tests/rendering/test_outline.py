"""Outlines: what is drawn is mixed with the background beside it, not with the flat colour that was behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.limbs import Limb
from neuromotion_gym.rendering import scene
from neuromotion_gym.rendering.outline import mend_outline
from neuromotion_gym.rendering.scene import SceneRenderer
from neuromotion_gym.resources import assets_root

if TYPE_CHECKING:
    from pathlib import Path

SKY, LIMB, BACKGROUND = np.array([235.0, 237, 240]), np.array([220.0, 150, 90]), np.array([120.0, 130, 140])

MODEL = """
<mujoco>
  <include file="{studio}"/>
  <asset> <material name="skin_pale" rgba="0.83 0.84 0.85 {opacity}"/> </asset>
  <worldbody>
    <camera name="overview" pos="0 -1.2 0" xyaxes="1 0 0 0 0 1"/>
    <body gravcomp="1">
      <joint name="flap" axis="0 1 0" range="-1 1"/>
      <geom type="ellipsoid" size="0.2 0.1 0.15" material="skin_pale"/>
    </body>
  </worldbody>
  <actuator> <position name="bend" joint="flap" kp="1" ctrlrange="-1 1"/> </actuator>
  <sensor> <jointpos name="bend_pos" joint="flap"/> <jointvel name="bend_vel" joint="flap"/> </sensor>
  <keyframe> <key name="home" qpos="0"/> </keyframe>
</mujoco>
"""


def disc(size: int = 60, radius: float = 19.3) -> tuple[np.ndarray, np.ndarray]:
    """Share of each pixel that a disc covers, and where its centre is covered."""
    fine = np.hypot(*(np.mgrid[: 8 * size, : 8 * size] / 8 + 1 / 16 - size / 2)) < radius
    return fine.reshape(size, 8, size, 8).mean(axis=(1, 3))[..., None], fine[4::8, 4::8]


def test_a_pixel_of_the_outline_is_mixed_from_both_sides_as_it_is_covered():
    covered, drawn = disc()
    colour = (covered * LIMB + (1 - covered) * SKY).astype(np.uint8)
    picture = np.where(drawn[..., None], colour, BACKGROUND)
    wanted = covered * LIMB + (1 - covered) * BACKGROUND
    assert np.abs(picture - wanted).max() > 50
    mend_outline(picture, colour, drawn)
    np.testing.assert_allclose(picture, wanted, atol=3)


def test_what_has_the_colour_behind_it_keeps_its_outline_and_thin_things_stay():
    drawn = disc()[1]
    colour = np.full((*drawn.shape, 3), SKY, dtype=np.uint8)
    picture = np.where(drawn[..., None], SKY, BACKGROUND)
    mended = picture.copy()
    mend_outline(mended, colour, drawn)
    np.testing.assert_allclose(mended, picture, atol=1)
    line = np.zeros_like(drawn)
    line[30] = True
    drawn_line = np.where(line[..., None], LIMB, BACKGROUND)
    mended = drawn_line.copy()
    mend_outline(mended, np.where(line[..., None], LIMB, SKY).astype(np.uint8), line)
    np.testing.assert_array_equal(mended, drawn_line)


def test_what_is_hidden_has_no_outline():
    covered, drawn = disc()
    colour = (covered * LIMB + (1 - covered) * SKY).astype(np.uint8)
    picture = np.random.default_rng(0).uniform(0, 255, (*drawn.shape, 3))
    right = np.arange(60) >= 30
    before = picture.copy()
    mend_outline(picture, colour, drawn, inside=drawn & right)
    np.testing.assert_array_equal(picture[:, :27], before[:, :27])
    assert (picture[:, 33:] != before[:, 33:]).any()


def bright_lines(frame: np.ndarray) -> int:
    """Rows and columns with a pixel that is brighter than both of those that lie three pixels beside it."""
    seen = frame.astype(int).min(axis=-1)
    within = [np.stack([line[k : len(line) - 6 + k] for k in range(1, 6)]).max(axis=0) for line in (*seen, *seen.T)]
    beside = [np.maximum(line[:-6], line[6:]) for line in (*seen, *seen.T)]
    return sum(int((one - other).max() > 6) for one, other in zip(within, beside, strict=True))


@pytest.mark.parametrize("opacity", [1.0, 0.3])
def test_pictures_of_bodies_and_of_clear_skins_have_mended_outlines(
    tmp_path: Path, can_draw, monkeypatch: pytest.MonkeyPatch, opacity: float
) -> None:
    path = tmp_path / "pale.xml"
    path.write_text(MODEL.format(studio=assets_root() / "scenes" / "studio.xml", opacity=opacity), encoding="utf-8")
    with SceneRenderer(Limb.load(path), 320, 240) as renderer:
        mended = bright_lines(renderer.frame(np.zeros(1)))
        monkeypatch.setattr(scene, "mend_outline", lambda *_: None)
        plain = bright_lines(renderer.frame(np.zeros(1)))
    assert mended <= plain / 2
    assert plain > 10
