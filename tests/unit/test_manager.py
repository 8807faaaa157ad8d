"""``Manager()``: the standard library's server of shared objects, started by our own launch (X3): ``_core.manager``."""

from __future__ import annotations

import multiprocessing.managers
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

import anypool
from anypool import Executor, SerializationError
from anypool.testing._proc import is_alive

BACKENDS = ["serial", "thread", "process", "loky"]
LONG = 60.0


def write(shared: Any, key: int) -> int:
    """Use every kind of proxy that a task was given."""
    with shared["lock"]:
        shared["dict"][key] = key * key
        shared["list"].append(key)
        shared["space"].total += key
        shared["value"].value += 1
    shared["queue"].put(key)
    return int(shared["dict"][key])


def append(box: Any, values: Any) -> None:
    """Put a proxy into what another one stands for."""
    box["values"].append(len(values))
    values.append("seen")


def gone(pid: int) -> bool:
    """Wait until a process is gone; an orphan whose end nobody has asked for yet is."""
    end = time.monotonic() + 10
    while is_alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("backend", BACKENDS)
def test_proxies_can_be_given_to_tasks(backend: str) -> None:
    """X3: all kinds, nested in a dict, on every backend; the server is a process of its own and ends with ``with``."""
    with Executor(backend, 2) as ex, anypool.get_context(backend).Manager() as manager:
        assert isinstance(manager, multiprocessing.managers.SyncManager)
        server = manager._process.pid  # type: ignore[attr-defined]  # not in typeshed
        assert server != os.getpid()
        shared: dict[str, Any] = {
            "dict": manager.dict(),
            "list": manager.list(),
            "lock": manager.Lock(),
            "queue": manager.Queue(),
            "space": manager.Namespace(),
            "value": manager.Value("i", 0),
        }
        shared["space"].total = 0
        assert list(ex.map(write, [shared] * 4, range(4))) == [0, 1, 4, 9]
        assert shared["dict"].copy() == {0: 0, 1: 1, 2: 4, 3: 9}
        assert sorted(shared["list"]) == [0, 1, 2, 3]
        assert shared["space"].total == 6
        assert shared["value"].value == 4
        assert sorted(shared["queue"].get() for _ in range(4)) == [0, 1, 2, 3]
        # A proxy in what a proxy stands for.
        box, values = manager.dict(), manager.list([1, 2])
        box["values"] = values
        ex.submit(append, box, values).result()
        assert list(values) == list(box["values"]) == [1, 2, 2, "seen"]
    assert gone(server)


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_proxies_can_be_given_to_processes(backend: str) -> None:
    """X3: to a ``Process``, as in every textbook."""
    context = anypool.get_context(backend)
    with context.Manager() as manager:
        values, box = manager.list(), manager.dict(values=manager.list())
        processes = [context.Process(target=append, args=(box, values)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert list(values) == ["seen"] * 2
        assert len(box["values"]) == 2


def test_results_are_what_multiprocessing_gives() -> None:
    """X3: lists from a dict's views, the proxies' text, the errors of the objects themselves."""
    with anypool.get_context("serial").Manager() as manager:
        words: Any = manager.dict(one=1)
        assert (words.keys(), words.values(), words.items()) == (["one"], [1], [("one", 1)])
        assert str(words) == "{'one': 1}"
        with pytest.raises(KeyError, match="two"):
            words["two"]
        with pytest.raises(IndexError):
            manager.list()[3]
        assert manager.Array("i", [1, 2])[1] == 2
        event, barrier, semaphore = manager.Event(), manager.Barrier(1), manager.BoundedSemaphore(1)
        event.set()
        assert event.is_set()
        assert barrier.wait() == 0
        assert semaphore.acquire()
        semaphore.release()
        with pytest.raises(ValueError, match="released too many"):
            semaphore.release()
        condition = manager.Condition()
        with condition:
            condition.notify_all()
            assert not condition.wait(0.01)
        with pytest.raises(SerializationError):
            words["lock"] = sys._getframe()
        assert words.copy() == {"one": 1}


def test_the_pool_of_a_manager() -> None:
    """X3: ``m.Pool()`` is a pool of ours in the server, which forks nothing and takes any callable."""
    with anypool.get_context("process").Manager() as manager:
        pool = manager.Pool(1)
        assert pool.map(abs, [-1, -2]) == [1, 2]
        assert pool.apply(lambda: 5) == 5
        assert pool.apply_async(abs, (-3,)).get() == 3
        assert list(pool.imap(abs, [-4])) == [4]
        worker = pool.apply(os.getpid)
        with pool:
            pass
        assert gone(worker)


def test_shutdown_leaves_nothing_and_may_be_repeated() -> None:
    """X3: process, socket and folder are gone; what the proxies are asked afterwards fails."""
    manager = anypool.get_context("process").Manager()
    server = manager._process.pid  # type: ignore[attr-defined]  # not in typeshed
    words = manager.dict()
    words["a"] = 1
    address = Path(str(manager.address))
    assert address.exists()
    manager.shutdown()
    manager.shutdown()
    assert gone(server)
    assert not address.parent.exists()
    with pytest.raises((OSError, EOFError)):
        words["a"]


SCRIPT = """
import os, sys, time
import anypool as multiprocessing

class Point:
    def __init__(self, x): self.x = x

def move(points, key):
    point = points[key]
    point.x += 1
    points[key] = point

manager = multiprocessing.Manager()
points = manager.dict(a=Point(1))
process = multiprocessing.Process(target=move, args=(points, "a"))
process.start()
process.join()
assert type(points["a"]) is Point and points["a"].x == 2, points
points["f"] = lambda x: x + points["a"].x
print(manager._process.pid, manager.address, flush=True)
"""


def run(script: str, backend: str, folder: Path) -> subprocess.Popen[str]:
    """Run a program that has no ``if __name__ == "__main__"``."""
    program = folder / "program.py"
    program.write_text(script)
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(program)],
        env={**os.environ, "ANYPOOL_BACKEND": backend, "TMPDIR": tempfile.gettempdir()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unguarded_program_shares_its_own_objects(backend: str, tmp_path: Path) -> None:
    """X3, E3: no second run of ``__main__``; its classes and lambdas go into the server and come back as themselves.

    The manager is not shut down: it goes with the program.
    """
    with run(SCRIPT, backend, tmp_path) as program:
        out, err = program.communicate(timeout=LONG)
    assert (program.returncode, err) == (0, "")
    pid, address = out.split()
    assert gone(int(pid))
    assert not Path(address).parent.exists()


def test_killing_the_program_ends_the_manager(tmp_path: Path) -> None:
    """E13: within 2 s, with nothing left on the disk, and with what the server had started itself."""
    script = SCRIPT + "pool = manager.Pool(1)\nprint(pool.apply(os.getpid), flush=True)\ntime.sleep(100)\n"
    with run(script, "process", tmp_path) as program:
        assert program.stdout is not None
        pid, address = program.stdout.readline().split()
        worker = program.stdout.readline()
        began = time.monotonic()
        program.send_signal(signal.SIGKILL)
        program.wait()
        assert gone(int(pid))
        assert gone(int(worker))
        assert time.monotonic() - began < 2
        assert not Path(address).parent.exists()


def test_importing_anypool_imports_no_manager() -> None:
    """X3: a program without a manager does not pay for ``multiprocessing.managers``."""
    script = "import sys, anypool; anypool.Manager; assert 'multiprocessing.managers' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
