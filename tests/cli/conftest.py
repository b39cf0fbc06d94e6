"""Fixtures of small decoders, shared with the tests of decoders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "decoders"))

from ring_decoders import ring

__all__ = ["ring"]
