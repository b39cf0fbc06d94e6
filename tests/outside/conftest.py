"""These folders are not collected: `test_outside.py` runs the tests in a process where the package is installed."""

collect_ignore = ["suite", "neuromotion_outside"]
