"""The one error class that the library raises on purpose."""


class NeuroMotionError(ValueError):
    """Bad input or an impossible request; the message names what was wrong and what would be right."""
