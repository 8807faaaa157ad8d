"""E11, E13: however a program ends, nothing of it is left, and it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from anypool.testing import _run
from anypool.testing._base import BackendSuite
from anypool.testing._gate import Gate
from anypool.testing._leaks import Snapshot, eventually
from anypool.testing._proc import family, is_alive

__all__ = ["Exit", "Orphans"]

#: Seconds in which the contract wants workers gone, and the same with room for a loaded machine.
_GONE = 2.0
_LIMIT = 5.0


class Exit(BackendSuite):
    """E11; the leak check after each test sees orphans, too."""

    @pytest.mark.parametrize(
        "how",
        [
            "nothing",
            "exit code",
            "exception",
            "unread map",
            "endless map",
            "failed task",
            "collected",
            "shutdown without waiting",
            "killed workers",
            "process",
            "daemon",
            "fork",
        ],
    )
    def test_end_without_shutdown(self, log: Path, how: str) -> None:
        """E11: a program that forgets its executor ends, its tasks are done first, and nothing is printed."""
        before = Snapshot.take()
        ended = _run.finish("ending.py", self.backend, _run.settings(self.settings), str(log), how, timeout=30)
        assert ended.returncode == {"exit code": 3, "exception": 1}.get(how, 0), ended.stderr
        if how == "exception":
            assert ended.stderr.count("Traceback (most recent call last)") == 1
            assert ended.stderr.endswith("ValueError: the program failed\n")
        else:
            assert ended.stderr == ""
        done = {"unread map": 25, "process": 6, "fork": 6}.get(how, 5)
        assert sorted(map(int, log.read_text().split())) == list(range(done))
        assert eventually(lambda: set(family()) <= before.processes, _GONE)


class Orphans(BackendSuite):
    """E13."""

    @pytest.mark.parametrize("work", ["idle", "sleep", "spin", "hold"])
    def test_killed_program_leaves_no_workers(self, gate: Gate, work: str) -> None:
        """E13: when the program is killed with SIGKILL its workers go, whatever they do at that moment."""
        before = Snapshot.take()
        arguments = (self.backend, _run.settings(self.settings), gate._folder, work)
        with _run.start("orphans.py", *arguments) as program:
            # On in-process backends whoever holds the interpreter's lock lets no second task come this far.
            gate.arrived(2 if self.processes or work == "idle" else 1)
            workers = [one for one in family() if one not in before.processes and one.pid != program.pid]
            assert bool(workers) is self.processes
            os.kill(program.pid, signal.SIGKILL)
            program.wait()
            gone = eventually(lambda: not any(is_alive(one.pid) for one in workers), _LIMIT)
            left = [one for one in workers if is_alive(one.pid)]
            for one in left:
                os.kill(one.pid, signal.SIGKILL)
            assert gone, f"alive {_LIMIT:g} s after their parent's death: {left}"
        # A killed program cannot take its names in shared memory with it: the next one of the same user does.
        assert _run.finish("program.py", self.backend, _run.settings(self.settings)).returncode == 0
