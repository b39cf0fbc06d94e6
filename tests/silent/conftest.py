"""Fixtures of small decoders, shared with the tests of decoders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "decoders"))

from ring_decoders import ring
from small_decoders import head_folder, tiny, tiny_folder

__all__ = ["head_folder", "ring", "tiny", "tiny_folder"]
