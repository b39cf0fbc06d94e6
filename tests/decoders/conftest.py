"""Fixtures of small decoders, shared by the tests of decoders and of training."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "decoders"))

from ring_decoders import ring
from small_decoders import head_folder, small_myo, tiny, tiny_folder

__all__ = ["head_folder", "ring", "small_myo", "tiny", "tiny_folder"]
