"""The suite runs in a process of its own, where the package is installed."""

collect_ignore = ["suite", "neuromotion_outside"]
