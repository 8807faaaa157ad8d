"""Value and Array: their locks, one memory through every pickle, and when that memory goes."""

from __future__ import annotations

import copy
import ctypes
import errno
import gc
import os
import pickle
import queue
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import anypool
from anypool import abc
from anypool._core import pins
from anypool._sync.local import LocalContext, _domain
from tests.unit.local_support import run, start
from tests.unit.values_support import FAMILIES, Point, again, new_context


@pytest.fixture(params=FAMILIES)
def ctx(request: pytest.FixtureRequest) -> Iterator[abc.Context]:
    """Give a context of each family."""
    context = new_context(request.param)
    yield context
    context.close()


@pytest.fixture
def local() -> Iterator[LocalContext]:
    """Give a context of the local family."""
    context = LocalContext("process")
    yield context
    context.close()


# Locks.


def test_locks(ctx: abc.Context) -> None:
    """P2: an RLock by default, or the one that was given, and it is the wrapper's own in every copy."""
    for lock in (True, None):
        number = ctx.Value("i", 5, lock=lock)
        assert isinstance(number.get_lock(), abc.RLock)
    own = ctx.Lock()
    for made in (ctx.Value("i", lock=own), ctx.Array("i", 3, lock=own), ctx.Value(Point, lock=own)):
        assert made.get_lock() is own and again(made).get_lock() is own
        with made:
            assert not own.acquire(False)
        assert made.acquire() is True
        assert made.acquire(False) is False and made.acquire(timeout=0.01) is False
        made.release()
        with pytest.raises(ValueError):
            made.release()
    semaphore = ctx.Semaphore(2)
    assert ctx.Value("i", 1, lock=semaphore).value == 1 and semaphore.get_value() == 2


def test_access_takes_the_lock(ctx: abc.Context) -> None:
    """P2: reading and writing wait for whoever has the lock; get_obj() goes past it."""
    if ctx.backend == "serial":
        return  # a foreign thread may not wait there
    accesses: list[tuple[Any, Callable[[Any], Any]]] = [
        (ctx.Value("i", 1), lambda made: made.value),
        (ctx.Value(Point), lambda made: made.x),
        (ctx.Array("i", 1), lambda made: made[0]),
        (ctx.Array("c", 1), lambda made: made.raw),
    ]
    for made, access in accesses:
        with made:
            access(made)  # an RLock's owner goes on
            results: queue.SimpleQueue[Any] = queue.SimpleQueue()
            thread = threading.Thread(target=_put, args=(results, access, made))
            thread.start()
            with pytest.raises(queue.Empty):
                results.get(timeout=0.02)
        results.get(timeout=10)
        thread.join()


def _put(results: queue.SimpleQueue[Any], access: Callable[[Any], Any], made: Any) -> None:
    results.put(access(made))


def test_copies_are_the_same_memory(ctx: abc.Context) -> None:
    """P1: as for all primitives, what is copied is the handle."""
    number, raw = ctx.Value("i", 1), ctx.RawArray("i", 3)
    twins = copy.deepcopy({"number": number, "raw": raw})
    twins["number"].value = 5
    twins["raw"][2] = 6
    assert number.value == 5 and raw[2] == 6


def test_to_a_process(ctx: abc.Context) -> None:
    """P1: CPython's own test: a process doubles what it is given, locked and bare."""
    for lock in (True, False):
        number, half, wide = (
            ctx.Value("i", 7, lock=lock),
            ctx.Value("d", 1 / 3, lock=lock),
            ctx.Value("q", 2**33, lock=lock),
        )
        point = ctx.Value(Point, 3, 2, lock=lock)
        many, text = ctx.Array("d", range(10), lock=lock), ctx.Array("c", 20, lock=lock)
        text.value = b"hello"
        process = ctx.Process(target=double, args=(number, half, wide, point, many, text))
        process.start()
        process.join(30)
        assert process.exitcode == 0
        assert (number.value, wide.value, point.x, point.y) == (14, 2**34, 6, 4)
        assert half.value == pytest.approx(2 / 3)
        assert list(many) == [number * 2 for number in range(10)]
        assert text.value == b"hellohello"


def double(*shared: Any) -> None:
    """Double everything."""
    *numbers, point, many, text = shared
    for number in [*numbers, text]:
        number.value *= 2
    point.x *= 2
    point.y *= 2
    for index in range(len(many)):
        many[index] *= 2


# Types that cannot be imported where the memory is used.


def test_structure_of_a_function(ctx: abc.Context) -> None:
    """P1: a structure that is defined in a function comes back as what it was, methods and order included."""

    class Flags(ctypes.BigEndianStructure):
        """Known in this function alone."""

        _pack_ = 1
        _fields_ = (("low", ctypes.c_uint, 4), ("rest", ctypes.c_uint, 28), ("kind", ctypes.c_ubyte))

        def both(self) -> int:
            """Use two fields."""
            return int(self.low + self.kind)

    class More(Flags):
        """With another field."""

        _fields_ = (("more", Point),)  # type: ignore[assignment]  # the base's fields are its own

    for type_, size in ((Flags, 5), (More, 5 + ctypes.sizeof(Point))):
        made = ctx.Value(type_, 3, 4, 5)
        assert ctypes.sizeof(made.get_obj()) == size
        other = again(made)
        other.kind = 9
        assert made.kind == 9 and isinstance(other.get_obj(), type_)
    assert again(ctx.RawArray(Flags, 2))[1].both() == 0


PROGRAM = """
import ctypes, sys
from anypool import Executor

class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
    def norm(self):
        return self.x + self.y

def move(points, one):
    for point in points:
        point.x += 1
    one.y = 7
    return one.get_obj().norm()

if __name__ == "__main__":
    with Executor(sys.argv[1], 1) as ex:
        points, one = ex.RawArray(Point, [(1, 2), (3, 4)]), ex.Value(Point, 5, 6)
        for _ in range(2):
            print(ex.submit(move, points, one).result(), [point.x for point in points], one.y)
        print(isinstance(ex.submit(lambda one: one, one).result().get_obj(), Point))
"""


@pytest.mark.parametrize("how", ["file", "-c"])
@pytest.mark.parametrize("backend", ["thread", "process"])
def test_structure_of_the_program(tmp_path: Path, backend: str, how: str) -> None:
    """P1, E3: a structure of ``__main__``, which no worker can import and cloudpickle refuses."""
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [str(tmp_path / "program.py")] if how == "file" else ["-c", PROGRAM]
    done = subprocess.run([sys.executable, *command, backend], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["12.0 [2, 4] 7.0", "12.0 [3, 5] 7.0", "True"]


# In one process.


def test_stays_in_its_process() -> None:
    """P1: what lives in one process says so in another, by the name that the user knows."""
    context = anypool.get_context("thread")
    shared = context.RawValue("i"), context.Array("i", 3)
    for made, name in zip(shared, ("Value", "Array"), strict=True):
        with pins.collect():
            data = pickle.dumps(made)
        program = "import sys, pickle\ntry: pickle.loads(args[0])\nexcept TypeError as error: print(error)"
        assert f"this {name} lives in the process that made it" in run(program, data)


# In many processes.


def test_strangers_share(local: LocalContext) -> None:
    """P1: any process of the user attaches to the memory by a pickle alone, and adds under the lock."""
    number, raw = local.Value("q", 0), local.RawArray("i", 2)
    program = """
        for _ in range(500):
            with args[0]:
                args[0].value += 1
        args[1][args[2]] = os.getpid()
    """
    children = [start(program, number, raw, index) for index in range(2)]
    for child in children:
        with child:
            child.communicate(timeout=30)
    assert number.value == 1000
    assert list(raw) == [child.pid for child in children]


def test_fork_shares(local: LocalContext) -> None:
    """P1: a forked child has the memory, and its end takes nothing away."""
    number = local.Value("i", 1)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            number.value += 1
            del number
            gc.collect()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert number.value == 2
    assert run("print(args[0].value)", number) == "2"


def test_dies_with_its_last_reference(local: LocalContext) -> None:
    """P8: what was never pickled leaves nothing behind; what is mapped elsewhere stays valid."""

    def files() -> list[str]:
        gc.collect()
        return [name for name in os.listdir(_domain.ensure()) if name.endswith(".memory")]

    before = files()
    made = [local.Value("i", 1), local.RawValue("d"), local.Array("c", b"text"), local.RawArray(Point, 3)]
    assert len(files()) == len(before) + 4
    inner = made[3][1]  # a view keeps what it looks at
    del made
    assert len(files()) == len(before) + 1
    inner.x = 3
    assert inner.x == 3
    del inner
    assert files() == before
    with pytest.raises(TypeError):
        local.Value("i", "text")
    assert files() == before
    pickled = pickle.dumps(local.RawValue("i", 3))
    assert pickle.loads(pickled).value == 3
    assert len(files()) == len(before) + 1
    kept = pickle.loads(pickled)
    local.close()
    assert kept.value == 3
    del kept
    gc.collect()
    with pytest.raises(FileNotFoundError, match="this Value no longer exists"):
        pickle.loads(pickled)
    assert files() == before


def test_many_cost_no_descriptors(local: LocalContext) -> None:
    """P8: a mapping needs no open file, so there can be more of them than descriptors."""
    local.RawValue("i")
    before = len(os.listdir("/proc/self/fd"))
    many = [local.RawValue("i", number) for number in range(300)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert [made.value for made in many] == list(range(300))


def test_no_room(local: LocalContext) -> None:
    """Issue 3: without room it raises at the call, says where and how much, and leaves nothing; no SIGBUS later."""
    before = os.listdir(_domain.ensure())
    room = os.statvfs(_domain.ensure())
    with pytest.raises(OSError, match=r"there is no room in .* for a shared Array of \d+ bytes") as caught:
        local.RawArray("c", room.f_bavail * room.f_frsize + (1 << 40))
    assert caught.value.errno == errno.ENOSPC
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError, match="shared Array of 4194304 bytes"):
            local.Array("i", 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(os.listdir(_domain.ensure())) == sorted(before)
    assert local.Value("i", 1).value == 1


def test_closed_context(local: LocalContext) -> None:
    """P8: nothing is made after the end."""
    local.close()
    with pytest.raises(RuntimeError, match="closed"):
        local.Value("i")
