"""Lets the tests in this folder import `loop.py`, their closed loop without physics."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
