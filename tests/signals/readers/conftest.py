"""Lets the tests in this folder import `xdf_bytes.py`, a small writer of XDF files."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
