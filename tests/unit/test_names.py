"""``multiprocessing``'s names at the module and at every context (X3): ``_core.mp_names``, ``_core.standard_names``."""

from __future__ import annotations

import builtins
import inspect
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import anypool
from anypool import abc
from anypool._core import contexts

BACKENDS = ["serial", "thread", "process", "loky"]
#: What multiprocessing exports where all is there (``reducer`` and all); the same from 3.11 to 3.14.
NAMES = sorted(multiprocessing.__all__)


@pytest.fixture(params=BACKENDS)
def default(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make each backend the default in turn, with a context that ends with the test: it keeps names."""
    before = anypool.set_backend(request.param)
    yield request.param
    anypool.set_backend(before)
    context = contexts._contexts.pop(request.param, None)
    if context is not None:
        context.close()


def note(seen: abc.Queue[str]) -> None:
    """Say who runs."""
    seen.put(anypool.current_process().name)


def test_the_module_has_every_name() -> None:
    """X3: nothing of ``multiprocessing.__all__`` is missing, and what can be called is documented."""
    assert [name for name in NAMES if not hasattr(anypool, name)] == []
    for name in NAMES:
        if callable(getattr(anypool, name)):
            assert inspect.getdoc(getattr(anypool, name)), name
    assert set(NAMES) - set(anypool.__all__) == {"TimeoutError"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_context_has_every_name(backend: str) -> None:
    """X3: so does every context."""
    context = anypool.get_context(backend)
    assert [name for name in NAMES if not hasattr(context, name)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isroutine(getattr(multiprocessing, name))])
def test_signatures_take_what_multiprocessing_takes(name: str) -> None:
    """X3: every parameter has multiprocessing's name, place and default, at the module and at a context."""
    wanted = inspect.signature(getattr(multiprocessing, name)).parameters
    for home in (anypool, anypool.get_context("thread")):
        given = inspect.signature(getattr(home, name)).parameters
        if name == "get_context":  # whose parameter names a backend here
            assert len(given) == 1
            continue
        assert [key for key in given if not key.startswith("_")] == list(wanted)
        for key, parameter in wanted.items():
            assert given[key].default == parameter.default, key


def test_a_star_import_takes_no_builtin_away() -> None:
    """``from anypool import *`` must not change what ``except TimeoutError`` means."""
    assert set(anypool.__all__) & set(dir(builtins)) == set()
    assert anypool.TimeoutError is multiprocessing.TimeoutError


def test_errors_are_multiprocessings() -> None:
    """X3: clauses that are written for one catch the other."""
    context = anypool.get_context("thread")
    for name in ("AuthenticationError", "BufferTooShort", "ProcessError", "TimeoutError"):
        assert getattr(anypool, name) is getattr(context, name) is getattr(multiprocessing, name)
    assert issubclass(anypool.HolderDied, anypool.AnypoolError)
    assert anypool.Holder is abc.Holder
    with pytest.raises(AttributeError, match="no attribute 'Locks'"):
        anypool.Locks  # noqa: B018


def test_module_functions_make_what_the_default_makes(default: str) -> None:
    """X3: each name of the module is the default context's own."""
    context = anypool.get_context()
    assert context is anypool.get_context(default)
    assert anypool.Process is context.Process
    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Queue", "JoinableQueue"):
        made = getattr(anypool, name)()
        assert type(made) is type(getattr(context, name)())
        assert isinstance(made, getattr(abc, "Semaphore" if name == "BoundedSemaphore" else name))
    assert isinstance(anypool.SimpleQueue(), abc.SimpleQueue)
    assert isinstance(anypool.Barrier(1), abc.Barrier)
    assert anypool.Barrier(2, action=None, timeout=3).parties == 2
    left, right = anypool.Pipe(duplex=False)
    with left, right:
        right.send("text")
        assert left.recv() == "text"
    assert anypool.Value("i", 3).value == 3
    assert anypool.Array("d", [1, 2])[:] == [1.0, 2.0]
    assert anypool.RawValue("i", 4).value == 4
    assert list(anypool.RawArray("i", 2)) == [0, 0]
    assert anypool.active_children() == []
    assert anypool.current_process().name == "MainProcess"
    assert anypool.parent_process() is None
    assert anypool.cpu_count() == context.cpu_count()
    with anypool.Pool(1) as pool:
        assert repr(pool) == f"<anypool.Pool {default!r} state=RUN pool_size=1>"


def test_a_function_that_was_imported_follows_the_default() -> None:
    """``from anypool import Lock`` binds a name, not a backend."""
    from anypool import Lock

    for backend in ("serial", "thread"):
        anypool.set_backend(backend)
        assert type(Lock()) is type(anypool.get_context(backend).Lock())
    anypool.set_backend(None)


def test_process_is_a_class_that_can_be_subclassed(default: str) -> None:
    """X3: ``class Clock(anypool.Process)`` on every backend."""

    class Clock(anypool.Process):
        def __init__(self, seen: abc.Queue[str]) -> None:
            super().__init__(name="clock")
            self.seen = seen

        def run(self) -> None:
            self.seen.put("tick")

    seen: abc.Queue[str] = anypool.Queue()
    for process in (Clock(seen), anypool.Process(target=note, args=(seen,), name="plain")):
        process.start()
        process.join()
        assert process.exitcode == 0
    assert [seen.get(timeout=10), seen.get(timeout=10)] == ["tick", "plain"]


def test_the_one_start_method_is_spawn(default: str) -> None:
    """X3: as on a platform that has no other; choosing it changes nothing, choosing another one is refused."""
    context = anypool.get_context()
    for names in (anypool, context):
        assert names.get_all_start_methods() == ["spawn"]
        assert names.get_start_method() == names.get_start_method(allow_none=True) == "spawn"
        names.set_start_method("spawn")
        names.set_start_method("spawn", force=True)
        names.set_start_method(None, force=True)
        for wrong in ("fork", "forkserver", "xxx", None):
            with pytest.raises(ValueError, match=rf"cannot find context for {wrong!r}.*anypool\.set_backend"):
                names.set_start_method(wrong)
        assert names.get_context("spawn") is names.get_context() is context
        for wrong in ("fork", "forkserver"):
            with pytest.raises(ValueError, match=f"cannot find context for '{wrong}'.*ask for 'spawn'"):
                names.get_context(wrong)
        with pytest.raises(anypool.UnknownBackend, match="no backend 'xxx'"):
            names.get_context("xxx")
    assert context.get_context("thread") is anypool.get_context("dummy") is anypool.get_context("thread")
    assert anypool.get_context(anypool.SerialBackend()).backend == "serial"


SMALL_NAMES = """
import logging, multiprocessing, os, sys
from multiprocessing import reduction, spawn
import anypool

for names in (anypool, anypool.get_context("serial")):
    assert names.reducer is reduction
    assert names.get_logger() is multiprocessing.get_logger()
    names.freeze_support()
    names.allow_connection_pickling()
    names.set_forkserver_preload(["no.such.module"])
    names.set_executable("/opt/python")
    assert os.fsdecode(spawn.get_executable()) == "/opt/python"
assert anypool.log_to_stderr(logging.INFO) is multiprocessing.get_logger()
anypool.get_logger().info("a word from the pool")
"""


def test_the_small_names() -> None:
    """X3: what only hands on to the standard library, or has nothing to do; in a process of its own, for its state."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SMALL_NAMES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "a word from the pool" in done.stderr


TEXTBOOK = """
import anypool as multiprocessing
from anypool import Array, Lock, Manager, Pool, Process, Queue, Value, current_process

def square(number):
    return number * number

def fill(queue, value, array, lock):
    for index in range(len(array)):
        with lock:
            array[index] = square(index)
        with value.get_lock():
            value.value += 1
    queue.put(current_process().name)

class Worker(multiprocessing.Process):
    def __init__(self, words):
        super().__init__()
        self.words = words

    def run(self):
        self.words["worker"] = self.words.get("worker", 0) + 1

multiprocessing.set_start_method("spawn")
multiprocessing.freeze_support()
queue, lock = Queue(), Lock()
value, array = Value("i", 0), Array("d", 4)
processes = [Process(target=fill, args=(queue, value, array, lock), name=f"filler {n}") for n in range(2)]
for process in processes:
    process.start()
print(sorted(queue.get() for _ in processes))
for process in processes:
    process.join()
print(value.value, array[:], [process.exitcode for process in processes])

with Pool(processes=2) as pool:
    print(pool.map(square, range(5)), pool.apply_async(square, (9,)).get(timeout=30))
    print(list(pool.imap(square, [1, 2])), pool.starmap(divmod, [(7, 2)]))
    try:
        pool.apply_async(divmod, (1, 0)).get()
    except ZeroDivisionError as error:
        print(type(error).__name__)
pool.join()

with Manager() as manager:
    words = manager.dict()
    worker = Worker(words)
    worker.start()
    worker.join()
    print(dict(words))

try:
    multiprocessing.SimpleQueue().get_nowait()
except AttributeError:
    print(multiprocessing.active_children())
"""

PRINTED = """\
['filler 0', 'filler 1']
8 [0.0, 1.0, 4.0, 9.0] [0, 0]
[0, 1, 4, 9, 16] 81
[1, 4] [(3, 1)]
ZeroDivisionError
{'worker': 1}
[]
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_textbook_program_runs_with_its_import_changed(backend: str, tmp_path: Path) -> None:
    """X3: unguarded, from a file, on the backend that the environment names, with warnings as errors."""
    program = tmp_path / "program.py"
    program.write_text(TEXTBOOK)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env={**os.environ, "ANYPOOL_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (PRINTED, "", 0)
