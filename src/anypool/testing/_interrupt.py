"""E12: one Ctrl-C is enough."""

from __future__ import annotations

import os
import signal
import time

import pytest

from anypool.testing import _run
from anypool.testing._base import BackendSuite
from anypool.testing._gate import Gate
from anypool.testing._leaks import Snapshot, eventually
from anypool.testing._proc import family

__all__ = ["Interrupt"]

#: The contract says 2 s; the rest is for a loaded machine.
_LIMIT = 4.0


class Interrupt(BackendSuite):
    """E12, as a terminal does it: SIGINT to the program and all its children at once."""

    @pytest.mark.parametrize("work", ["spin", "sleep"])
    @pytest.mark.parametrize("how", ["result", "with", "leave", "map", "shutdown", "caught", "exit"])
    def test_ctrl_c(self, gate: Gate, how: str, work: str) -> None:
        """E12: one Ctrl-C raises ``KeyboardInterrupt`` once, and program and workers are gone."""
        if how == "exit" and not self.concurrent:
            how = "result"  # there the task runs in submit(), never at the exit
        before = Snapshot.take()
        arguments = (self.backend, _run.settings(self.settings), gate._folder, how, work)
        with _run.start("interrupt.py", *arguments) as program:
            gate.arrived()
            # Nothing tells from outside that the main thread waits; that it sleeps is as near as one can get.
            assert not self.concurrent or eventually(lambda: _sleeps(program.pid))
            began = time.monotonic()
            os.killpg(program.pid, signal.SIGINT)
            out, err = program.communicate(timeout=20)
            seconds = time.monotonic() - began
        if how == "caught":
            assert (program.returncode, out, err) == (0, "caught\n", "")
        elif how == "exit":
            # The main thread has ended; that Python itself says a word about the interrupted exit is its business.
            assert err.count("KeyboardInterrupt") <= 1
        else:
            assert program.returncode == -signal.SIGINT, err
            assert err.count("Traceback (most recent call last)") == 1, err
            assert err.endswith("\nKeyboardInterrupt\n"), err
        assert seconds < _LIMIT
        assert eventually(lambda: set(family()) <= before.processes, _LIMIT), family()


def _sleeps(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"
