"""Worker processes: whatever ends their parent ends them, too, and Ctrl-C leaves no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.workers import KILLED, process_pool

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="reads the processes of Linux")

COMMAND = """
import sys, time
from neuromotion_gym.benchmark.backends import Processes
from neuromotion_gym.cli import main as cli
from neuromotion_gym.workers import interrupts_held, process_pool

def joblib():
    for _ in Processes(2).run(work, [(sys.argv[1], name) for name in "abcdef"]):
        pass

def pool():
    with process_pool() as workers:
        with interrupts_held():
            waiting = [workers.submit(work, sys.argv[1], name) for name in "abcdef"]
        [each.result() for each in waiting]

def work(folder, name):
    open(f"{folder}/{name}", "w").close()
    time.sleep(60)

if __name__ == "__main__":
    cli.app = {"joblib": joblib, "pool": pool}[sys.argv[2]]
    cli.main()
"""


def session(leader: int) -> list[int]:
    """Processes of a session that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, number = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            found.append(int(path.parent.name))
    return found


def wait_until(true, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        ("joblib", signal.SIGINT, 130),
        ("joblib", signal.SIGTERM, 143),
        ("joblib", signal.SIGKILL, -signal.SIGKILL),
        ("pool", signal.SIGINT, 130),
        ("pool", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_no_process_outlives_the_command(tmp_path, kind, number, code):
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    marks = tmp_path / "marks"
    marks.mkdir()
    command = subprocess.Popen(
        [sys.executable, str(script), str(marks), kind],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # the library that is tested, from any folder
    )
    try:
        assert wait_until(lambda: any(marks.iterdir()), 60)
        if number == signal.SIGINT:
            os.killpg(command.pid, number)  # as a terminal does
        else:
            command.send_signal(number)
        _, said = command.communicate(timeout=60)
        assert command.returncode == code
        assert "Traceback" not in said
        assert wait_until(lambda: not session(command.pid), 20), session(command.pid)
    finally:
        for left in session(command.pid):
            os.kill(left, signal.SIGKILL)


def _heed_interrupts() -> None:
    """A shell starts what runs in the background with interrupts ignored, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_killed_worker_is_told_in_one_sentence():
    with pytest.raises(NeuroMotionError) as told, process_pool() as pool:
        pool.submit(_kill_this).result()
    assert str(told.value) == KILLED


def _kill_this() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
