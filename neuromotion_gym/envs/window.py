"""Where pictures are shown to a person: a window of matplotlib, or a cell of a notebook."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

if TYPE_CHECKING:
    import numpy as np

TITLE = "NeuroMotion Gym"


class Screen(Protocol):
    """Shows one picture after the other in the same place."""

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, uint8 array of shape (height, width, 3)."""

    def close(self) -> None:
        """Free what it has opened."""


def open_screen() -> Screen:
    """The cell of a notebook where this runs in one, otherwise a window.

    Raises
    ------
    NeuroMotionError
        If matplotlib finds no display.
    """
    import matplotlib.pyplot as plt

    backend = plt.get_backend().lower()
    if "inline" in backend:
        return Cell()
    if backend in ("agg", "pdf", "svg", "ps", "cairo", "template"):
        raise NeuroMotionError(
            "render_mode 'human' needs a display, and matplotlib finds none; "
            "'overlay' gives the same pictures as arrays."
        )
    return Window()


class Window:
    """A window of matplotlib. After a person has closed it, nothing is shown any more."""

    def __init__(self) -> None:
        self._axes: Any = None
        self._was_closed = False

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, unless the window was closed."""
        import matplotlib.pyplot as plt

        if self._was_closed:
            return
        if self._axes is None:
            height, width = picture.shape[:2]
            figure = plt.figure(figsize=(width / 100, height / 100), num=TITLE)
            self._axes = figure.add_axes((0, 0, 1, 1))
            self._axes.set_axis_off()
            self._axes.imshow(picture)
        elif not plt.fignum_exists(self._axes.figure.number):
            self._was_closed = True
            warnings.warn(
                "The window was closed: the environment goes on without it. Make a new environment to have a window.",
                NeuroMotionWarning,
                stacklevel=5,
            )
            return
        self._axes.images[0].set_data(picture)
        plt.pause(0.001)

    def close(self) -> None:
        """Close the window."""
        if self._axes is not None:
            import matplotlib.pyplot as plt

            plt.close(self._axes.figure)
            self._axes = None


class Cell:
    """The output of a notebook's cell, where each picture takes the place of the one before."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, picture: np.ndarray) -> None:
        """Show a picture."""
        from IPython.display import Image, display
        from PIL import Image as Pillow

        file = BytesIO()
        Pillow.fromarray(picture).save(file, format="jpeg", quality=90)
        image = Image(data=file.getvalue(), format="jpeg")
        if self._handle is None:
            self._handle = display(image, display_id=True)
        else:
            self._handle.update(image)

    def close(self) -> None:
        """Leave the last picture in the cell; the next one is shown in a new place."""
        self._handle = None
