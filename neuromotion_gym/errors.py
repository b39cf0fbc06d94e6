"""The errors and the warning that the library raises on purpose."""


class NeuroMotionError(ValueError):
    """Bad input or an impossible request; the message names what was wrong and what would be right."""


class UnknownOptionError(NeuroMotionError, TypeError):
    """An option that does not exist; also a `TypeError`, which libraries that try options expect."""


class NeuroMotionWarning(UserWarning):
    """Input that can be used, but perhaps not as its owner thinks; one line that names it."""
