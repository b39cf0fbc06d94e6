"""Scripts of the pages in ``docs/use_with/``, run as a newcomer would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 10


def scripts(page: str) -> list[str]:
    """Python blocks of a page; none has more than ten lines of code."""
    text = (ROOT / "docs" / "use_with" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        assert len([line for line in block.splitlines() if line.strip()]) <= LONGEST, block
    return blocks


def run(script: str, folder: Path, seconds: float = 240) -> str:
    """What a script prints, run in a process of its own in an empty folder."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(path)], cwd=folder, env=found, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout
