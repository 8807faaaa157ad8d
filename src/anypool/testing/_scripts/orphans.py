"""A program with busy or idle workers that is then killed with SIGKILL (E13)."""

import json
import os
import sys
import threading
import time
from typing import NoReturn

from anypool import Executor
from anypool.testing import Gate

backend, settings, gate, work = sys.argv[1], json.loads(sys.argv[2]), Gate.at(sys.argv[3]), sys.argv[4]


def spin() -> NoReturn:
    """Run bytecode for ever."""
    gate.arrive()
    while True:
        pass


def hold() -> None:
    """Hold the interpreter's lock in one call that never gives it back."""
    gate.arrive()
    sum(range(10**13))


def sleep() -> None:
    """Block in one call."""
    gate.arrive()
    time.sleep(600)


ex = Executor(backend, 2, **settings)
lock, queue = ex.Lock(), ex.Queue()
queue.put("left behind")
if work == "idle":
    for future in [ex.submit(os.getpid) for _ in range(4)]:
        future.result()
    gate.arrive()
    gate.arrive()
else:
    task = {"spin": spin, "hold": hold, "sleep": sleep}[work]
    futures = [ex.submit(task) for _ in range(2)]
threading.Event().wait()
