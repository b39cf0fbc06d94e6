"""Pictures for people: their size and camera, a window that is closed, the cell of a notebook."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.rendering.backend import rendering_available, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not rendering_available(), reason=f"cannot draw here: {why_not()}")
Options = "Callable[..., dict[str, object]]"


@pytest.mark.parametrize("mode", ["rgb_array", "overlay"])
def test_pictures_have_the_size_that_was_asked_for(options: Options, mode: str) -> None:
    env = NeuroEnv(render_mode=mode, width=320, height=240, **options())
    env.reset(seed=0)
    assert env.render().shape == (240, 320, 3)
    env.close()
    batch = NeuroVectorEnv(num_envs=1, render_mode=mode, width=320, height=240, **options())
    batch.reset(seed=0)
    assert [frame.shape for frame in batch.render()] == [(240, 320, 3)]
    batch.close()


def test_a_camera_of_the_limb_gives_another_picture(options: Options) -> None:
    pictures = []
    for camera in (None, "overview", "hand"):
        env = NeuroEnv(render_mode="rgb_array", width=160, height=120, camera=camera, **options())
        env.reset(seed=0)
        pictures.append(env.render())
        env.close()
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[1] != pictures[2]).any()


def test_sizes_and_cameras_that_cannot_be_are_refused(options: Options) -> None:
    for wrong, message in (
        ({"camera": "moon"}, "no camera 'moon'. Cameras: .*overview"),
        ({"width": 32}, "width is a whole number of pixels from 64 to 4096"),
        ({"render_mode": "overlay", "width": 480, "height": 480}, "1.2 times as wide as high, not 480 x 480"),
        ({"render_mode": "overlay", "width": 320, "height": 200}, "at least 240 pixels high"),
    ):
        with pytest.raises(NeuroMotionError, match=message):
            NeuroEnv(**options(**wrong))


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """matplotlib with windows that nobody sees."""
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: "a backend with windows")
    before = plt.get_fignums()
    yield lambda: sorted(set(plt.get_fignums()) - set(before))
    for number in set(plt.get_fignums()) - set(before):
        plt.close(number)


def test_an_environment_goes_on_after_its_window_was_closed(options: Options, window: Any) -> None:
    import matplotlib.pyplot as plt

    env = NeuroEnv(render_mode="human", width=320, height=240, **options())
    env.reset(seed=0)
    (number,) = window()
    env.step(np.ones(1, np.float32))
    plt.close(number)
    with pytest.warns(NeuroMotionWarning, match="window was closed.*goes on without it") as told:
        env.step(np.ones(1, np.float32))
    assert len(told) == 1
    env.step(np.ones(1, np.float32))
    env.reset()
    assert not window()
    env.close()


def test_a_closed_environment_closes_its_window(options: Options, window: Any) -> None:
    env = NeuroEnv(render_mode="human", width=320, height=240, **options())
    env.reset(seed=0)
    assert len(window()) == 1
    env.close()
    assert not window()


def test_a_notebook_shows_pictures_in_the_same_cell(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    shown: list[tuple[str, bytes]] = []

    class Handle:
        def update(self, image: Any) -> None:
            shown.append(("update", image.data))

    class Image:
        def __init__(self, data: bytes, format: str) -> None:  # noqa: A002 -- IPython's name
            assert format == "jpeg"
            self.data = data

    def display(image: Any, display_id: bool) -> Handle:
        assert display_id is True
        shown.append(("display", image.data))
        return Handle()

    module = ModuleType("IPython.display")
    module.Image, module.display = Image, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    env = NeuroEnv(render_mode="human", width=320, height=240, **options())
    env.reset(seed=0)
    for _ in range(2):
        env.step(np.ones(1, np.float32))
    env.close()
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    assert all(data.startswith(b"\xff\xd8") for _, data in shown)
    assert shown[0][1] != shown[2][1]
