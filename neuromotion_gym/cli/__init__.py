"""The ``neuromotion`` command."""
