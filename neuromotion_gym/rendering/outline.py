"""Outlines without bright pixels.

A pixel on the outline of what MuJoCo draws is a mixture with the flat colour behind it. That colour is replaced by a
background and its shadows, which are darker: left as it is, the mixture would stand out as a line of bright pixels.
"""

from __future__ import annotations

import numpy as np

_AROUND = np.array([-2, 0, 2])
"""Rows and columns, from a pixel of the outline, of those that tell what lies on both sides of it."""
_APART = 8.0
"""Inside and outside differ if their colours are at least this far apart, of 255."""


def mend_outline(picture: np.ndarray, colour: np.ndarray, drawn: np.ndarray, inside: np.ndarray | None = None) -> None:
    """Mix what is drawn along its outline with what the picture has beside it, in place.

    How much of a pixel is covered follows from its colour as it was drawn: it lies between the colours on both sides.

    Parameters
    ----------
    picture : float array, shape (height, width, 3)
        The picture, shadows included.
    colour : uint8 array, shape (height, width, 3)
        What is drawn, alone and before a background.
    drawn : bool array, shape (height, width)
        Where something is drawn.
    inside : bool array, shape (height, width), optional
        The part of it that is seen; all of it when left out. What is hidden behind other things has no outline.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    square = np.ones((3, 3), dtype=bool)
    inner, outer = binary_erosion(drawn, square, border_value=1), ~binary_dilation(drawn, square)
    rows, columns = np.nonzero(~inner & ~outer)
    if inside is not None:
        inner &= inside
    places = np.clip(rows[:, None] + np.repeat(_AROUND, 3), 0, len(drawn) - 1) * drawn.shape[1]
    places += np.clip(columns[:, None] + np.tile(_AROUND, 3), 0, drawn.shape[1] - 1)
    sides = [side.ravel()[places] for side in (inner, outer)]
    between = sides[0].any(axis=1) & sides[1].any(axis=1)
    rows, columns, places = rows[between], columns[between], places[between]
    shares = [(side[between] / side[between].sum(axis=1, keepdims=True)).astype(np.float32) for side in sides]

    def means(image: np.ndarray) -> list[np.ndarray]:
        """Mean colours inside and outside near each pixel, shape (n, 3)."""
        around = image.reshape(-1, 3)[places].astype(np.float32)
        return [np.einsum("ns,nsc->nc", share, around) for share in shares]

    within, beyond = means(colour)
    apart = within - beyond
    square_apart = (apart**2).sum(axis=1)
    covered = ((colour[rows, columns] - beyond) * apart).sum(axis=1) / np.maximum(square_apart, 1e-6)
    # Where both sides have one colour, the colour tells nothing
    covered = np.where(square_apart < _APART**2, drawn[rows, columns], np.clip(covered, 0.0, 1.0))[:, None]
    within, beyond = means(picture)
    picture[rows, columns] = beyond + (within - beyond) * covered
