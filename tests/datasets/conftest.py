"""Makes the writer of MAT files known to the tests of readers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
