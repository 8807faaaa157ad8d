"""A program that waits for its tasks in one way or another, and is then sent Ctrl-C (E12)."""

import json
import sys
import time
from typing import NoReturn

from anypool import Executor
from anypool.testing import Gate

backend, settings, gate, how, work = (
    sys.argv[1],
    json.loads(sys.argv[2]),
    Gate.at(sys.argv[3]),
    sys.argv[4],
    sys.argv[5],
)


def spin() -> NoReturn:
    """Run bytecode for ever."""
    gate.arrive()
    while True:
        pass


def sleep() -> None:
    """Block in one call."""
    gate.arrive()
    time.sleep(60)


task = {"spin": spin, "sleep": sleep}[work]
ex = Executor(backend, 2, **settings)
if how == "result":
    ex.submit(task).result()
elif how == "with":
    with ex:
        ex.submit(task).result()
elif how == "leave":
    with ex:
        ex.submit(task)
elif how == "map":
    with ex:
        for _ in ex.map(lambda _: task(), range(10)):
            pass
elif how == "shutdown":
    ex.submit(task)
    ex.shutdown()
elif how == "caught":
    with ex:
        try:
            ex.submit(task).result()
        except KeyboardInterrupt:
            print("caught", flush=True)
            ex.kill_workers()
elif how == "exit":
    ex.submit(task)
