"""Fixtures of small decoders, shared with the tests of decoders, and of EDF files with faults."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "decoders"))

from edf_writer import edf_noise, write_edf
from ring_decoders import ring
from small_decoders import head_folder, tiny, tiny_folder

__all__ = ["edf_noise", "head_folder", "ring", "tiny", "tiny_folder", "write_edf"]
