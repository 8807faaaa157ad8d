"""``Pool`` against ``multiprocessing.Pool``'s behaviour, on every local backend (X3): ``_core.mp_pool``."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import gc
import itertools
import multiprocessing
import operator
import os
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import anypool
from anypool import SerializationError, Unsupported, WorkerDied, abc
from anypool._core import mp_pool
from anypool.testing._proc import is_alive

BACKENDS = ["serial", "thread", "process", "loky"]
CONCURRENT = BACKENDS[1:]
PROCESSES = BACKENDS[2:]

# Importable functions, because those of a test's own would be sent by value.
LONG = 60.0


def square(number: int) -> int:
    """Square it."""
    return number * number


def refuse_three(number: int) -> int:
    """Fail for one of the items."""
    if number == 3:
        raise ValueError(f"not {number}")
    return number


def refuse_odd(number: int) -> int:
    """Fail for half of the items."""
    if number % 2:
        raise KeyError(number)
    return number


def note(path: str, number: int) -> int:
    """Leave a trace of having run."""
    Path(path, str(number)).touch()
    return number


def note_or_fail(path: str, number: int) -> int:
    """Leave a trace, and fail for the first item."""
    note(path, number)
    if number == 0:
        raise ValueError("the first")
    return number


def keyword(number: int, *, scale: int = 1) -> int:
    """Take a keyword."""
    return number * scale


def call(function: Callable[[], Any]) -> Any:
    """Call it."""
    return function()


def raise_stop() -> None:
    """Raise what would look like an iterator's end."""
    raise StopIteration("from a task")


def die() -> None:
    """Die as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


def numbers_then_error(good: int) -> Iterator[int]:
    """Give some numbers, then fail."""
    yield from range(good)
    raise OSError("the input broke")


class Sized:
    """An input with a length that fails when it is read."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        return numbers_then_error(1)


def open_pool(backend: str, processes: int = 2, **settings: Any) -> abc.Pool:
    """Make a pool of a backend."""
    return anypool.get_context(backend).Pool(processes, **settings)


# --- what every method gives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_method_gives_what_multiprocessing_gives(backend: str) -> None:
    """X3: the whole interface in one go, for a pool takes a while to start."""
    with open_pool(backend) as pool:
        assert pool.apply(square, (3,)) == 9
        assert pool.apply(keyword, (3,), {"scale": 5}) == 15
        assert pool.apply_async(keyword, [2], {"scale": 4}).get(30) == 8
        assert pool.map(square, range(30)) == [square(number) for number in range(30)]
        assert pool.map(square, iter(range(30)), chunksize=7) == [square(number) for number in range(30)]
        assert pool.map_async(square, [1, 2]).get(30) == [1, 4]
        pairs = list(zip(range(20), range(20, 0, -1), strict=True))
        assert pool.starmap(operator.mul, pairs, 3) == [left * right for left, right in pairs]
        assert pool.starmap_async(operator.mul, iter(pairs)).get(30) == [left * right for left, right in pairs]
        assert list(pool.imap(square, range(10))) == [square(number) for number in range(10)]
        assert list(pool.imap(square, iter(range(10)), chunksize=3)) == [square(number) for number in range(10)]
        assert sorted(pool.imap_unordered(square, range(10), 4)) == [square(number) for number in range(10)]
    pool.join()


@pytest.mark.parametrize("backend", ["serial", "process"])
def test_nothing_to_do(backend: str) -> None:
    """An empty input has an empty result, and its callback is called."""
    called: list[Any] = []
    with open_pool(backend) as pool:
        assert pool.map(square, []) == []
        assert pool.map_async(square, [], 1, called.append).get(10) == []
        assert pool.starmap(square, iter([])) == []
        assert list(pool.imap(square, [])) == list(pool.imap_unordered(square, iter([]), 4)) == []
        result = pool.map_async(square, ())
        result.wait(10)
        assert result.ready()
        assert result.successful()
    assert called == [[]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_failure_is_raised_and_all_else_is_run(backend: str, tmp_path: Path) -> None:
    """X3: as in multiprocessing, ``map`` raises when every item has been run."""
    with open_pool(backend) as pool:
        for chunksize in (None, 1, 3):
            with pytest.raises(ValueError, match="the first"):
                pool.starmap(note_or_fail, [(str(tmp_path), number) for number in range(6)], chunksize)
            assert sorted(path.name for path in tmp_path.iterdir()) == list("012345")
            for path in tmp_path.iterdir():
                path.unlink()
        with pytest.raises(KeyError, match="1"):
            pool.map(refuse_odd, range(6))


@pytest.mark.parametrize("backend", BACKENDS)
def test_imap_goes_on_after_a_failed_item(backend: str) -> None:
    """X3: an item fails in its own turn and alone, in a chunk too."""
    with open_pool(backend) as pool:
        for chunksize in (1, 2):
            results = pool.imap(refuse_three, range(5), chunksize)
            assert [next(results), next(results), results.next(30)] == [0, 1, 2]
            with pytest.raises(ValueError, match="not 3"):
                next(results)
            assert list(results) == [4]
            with pytest.raises(StopIteration):
                next(results)


def test_a_task_cannot_end_the_results() -> None:
    """A StopIteration from a task must not look like the end."""
    with open_pool("serial") as pool:
        tasks: list[Callable[[], Any]] = [raise_stop, int]
        results = pool.imap(call, tasks)
        with pytest.raises(RuntimeError, match="a task raised StopIteration"):
            next(results)
        assert list(results) == [0]


@pytest.mark.parametrize("backend", ["serial", "thread", "process"])
def test_an_input_that_raises(backend: str) -> None:
    """X3: the input's error arrives where multiprocessing's does."""
    errors: list[BaseException] = []
    with open_pool(backend) as pool:
        for _ in range(2):
            with pytest.raises(OSError, match="the input broke"):
                pool.map(square, numbers_then_error(2), 1)
            with pytest.raises(OSError, match="the input broke"):
                pool.map(square, Sized())
        with pytest.raises(OSError, match="the input broke"):
            pool.map_async(square, numbers_then_error(2))
        late = pool.map_async(square, Sized(), error_callback=errors.append)
        with pytest.raises(OSError, match="the input broke"):
            late.get(30)
        assert [type(error) for error in errors] == [OSError]
        results = pool.imap(square, numbers_then_error(3))
        assert [next(results), next(results), next(results)] == [0, 1, 4]
        with pytest.raises(OSError, match="the input broke"):
            next(results)
        assert list(results) == []
        # What was read of the chunk in which the input broke is lost, as there.
        results = pool.imap(square, numbers_then_error(7), 2)
        assert list(itertools.islice(results, 6)) == [square(number) for number in range(6)]
        with pytest.raises(OSError, match="the input broke"):
            next(results)
        with pytest.raises(TypeError, match="not iterable"):
            pool.imap(square, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
def test_imap_reads_no_further_than_needed(backend: str) -> None:
    """E10: an endless input works."""
    with open_pool(backend) as pool:
        results = pool.imap(square, itertools.count(), chunksize=2)
        assert list(itertools.islice(results, 5)) == [0, 1, 4, 9, 16]
        del results
        assert next(pool.imap_unordered(square, itertools.repeat(2))) == 4


def test_map_async_keeps_the_list_as_it_was() -> None:
    """The caller may change its list as soon as ``map_async`` has returned."""
    gate = threading.Event()
    with open_pool("thread", 1) as pool:
        pool.apply_async(gate.wait)
        items = list(range(1000))
        result = pool.map_async(square, items, 1)
        items.clear()
        gate.set()
        assert len(result.get(30)) == 1000


# --- results and callbacks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", CONCURRENT)
def test_waiting_has_a_limit(backend: str) -> None:
    """X3: a late result is multiprocessing's TimeoutError, not the builtin, and is still to be had."""
    with open_pool(backend) as pool:
        result = pool.apply_async(time.sleep, (0.3,))
        results = pool.imap(time.sleep, [0.3, 0])
        assert not result.ready()
        with pytest.raises(ValueError, match=r"<.*AsyncResult.*> not ready"):
            result.successful()
        with pytest.raises(multiprocessing.TimeoutError, match=r"no result after 0.01 s"):
            result.get(0.01)
        with pytest.raises(multiprocessing.TimeoutError):
            result.get(timeout=-1)
        with pytest.raises(multiprocessing.TimeoutError, match=r"next\(\) may be called again"):
            results.next(timeout=0.01)
        result.wait(0.01)
        assert result.get() is None
        assert result.get(0) is None
        assert result.ready()
        assert result.successful()
        assert list(results) == [None, None]


@pytest.mark.parametrize("backend", BACKENDS)
def test_callbacks(backend: str) -> None:
    """X3: called once, before the result is ready, in order, off the caller's thread (on serial at once)."""
    values: list[Any] = []
    errors: list[BaseException] = []
    threads: set[int] = set()

    def callback(value: Any) -> None:
        threads.add(threading.get_ident())
        values.append(value)

    with open_pool(backend, 1) as pool:
        results = [pool.apply_async(square, (number,), {}, callback, errors.append) for number in range(5)]
        if backend == "serial":
            assert values == [0, 1, 4, 9, 16]
        for result in results:
            result.wait(30)
        assert values == [0, 1, 4, 9, 16]
        assert threads == {threading.get_ident()} or backend != "serial"
        assert threading.get_ident() not in threads or backend == "serial"
        pool.map_async(refuse_three, [1, 2], None, callback, errors.append).wait(30)
        assert values[5:] == [[1, 2]]
        failed = pool.map_async(refuse_three, [1, 3, 2], callback=callback, error_callback=errors.append)
        failed.wait(30)
        assert not failed.successful()
        pool.starmap_async(refuse_three, [(3,)], error_callback=errors.append).wait(30)
        with pytest.raises(ValueError, match="not 3"):
            pool.apply_async(refuse_three, (3,), error_callback=errors.append).get(30)
        assert values[6:] == []
        assert [str(error) for error in errors] == ["not 3"] * 3
        pool.close()
        pool.join()


@pytest.mark.parametrize("backend", ["serial", "thread"])
def test_a_callback_that_raises_is_reported(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback's mistake does not take the pool with it, as it does in multiprocessing."""
    said: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: said.append(args.exc_value))
    with open_pool(backend) as pool:
        assert pool.apply_async(square, (2,), callback=lambda value: 1 / 0).get(10) == 4
        assert pool.apply_async(square, (3,)).get(10) == 9
    assert [type(error) for error in said] == [ZeroDivisionError]


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_a_callback_may_use_the_pool(backend: str) -> None:
    """A callback that waits for another result of its pool gets it; multiprocessing's would wait for ever."""
    seen: list[int] = []
    with open_pool(backend) as pool:
        pool.apply_async(square, (2,), callback=lambda value: seen.append(pool.apply(square, (value,)))).wait(30)
        assert seen == [16]
        ended = pool.apply_async(square, (3,), callback=lambda value: pool.terminate())
        late = pool.apply_async(time.sleep, (0.5,))
        ended.wait(30)
        pool.join()
        assert ended.get() == 9
        assert late.ready()


def test_arguments_and_values_are_let_go_of() -> None:
    """A pool keeps neither what a task was given nor what it gave, once the user has dropped the result."""

    class Thing:
        """Something that can be watched."""

    with open_pool("thread") as pool:
        things = [Thing() for _ in range(5)]
        watches = [weakref.ref(thing) for thing in things]
        pool.map(id, things)
        pool.map_async(id, things, callback=lambda value: None).get(30)
        pool.apply_async(id, things[:1]).get(30)
        del things
        for _ in range(100):
            gc.collect()
            if not any(watch() for watch in watches):
                break
            time.sleep(0.01)
        assert [watch() for watch in watches] == [None] * 5


# --- errors --------------------------------------------------------------------------------------------------------


def test_wrong_arguments() -> None:
    """X3: multiprocessing's errors, in its words, before anything starts."""
    context = anypool.get_context("serial")
    for processes in (0, -1):
        with pytest.raises(ValueError, match="Number of processes must be at least 1"):
            context.Pool(processes)
    for wrong in (0, -1, 0.5, "12"):
        with pytest.raises(ValueError, match="maxtasksperchild must be a positive int or None"):
            context.Pool(maxtasksperchild=wrong)  # type: ignore[arg-type]
    with pytest.raises(Unsupported, match=r"max_tasks_per_child.*loky, process"):
        context.Pool(maxtasksperchild=3)
    with pytest.raises(TypeError, match="initializer must be a callable"):
        context.Pool(1, initializer=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        context.Pool("2")  # type: ignore[arg-type]
    with context.Pool(1) as pool:
        for method in ("map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered"):
            with pytest.raises(ValueError, match=r"Chunksize must be 1\+, not 0"):
                getattr(pool, method)(square, [1], 0)
        with pytest.raises(TypeError, match="takes a callable"):
            pool.apply_async(None)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="Pool is still running"):
            pool.join()


@pytest.mark.parametrize("end", ["close", "terminate"])
def test_a_pool_that_has_ended_takes_nothing(end: str) -> None:
    """X3: ValueError of every method, and of ``with``."""
    pool = open_pool("thread")
    getattr(pool, end)()
    for method in ("apply", "apply_async"):
        with pytest.raises(ValueError, match="Pool not running"):
            getattr(pool, method)(square, (1,))
    for method in ("map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered"):
        with pytest.raises(ValueError, match="Pool not running"):
            getattr(pool, method)(square, iter([1]))
    with pytest.raises(ValueError, match="Pool not running"), pool:
        pass
    pool.close()
    pool.join()
    pool.join()
    pool.terminate()


@pytest.mark.parametrize("backend", PROCESSES)
def test_what_cannot_be_pickled_fails_alone(backend: str) -> None:
    """E5: an argument, an item or a result fails its own result, and the pool goes on."""
    lock = threading.Lock()
    with open_pool(backend) as pool:
        with pytest.raises(SerializationError, match=r"args\[0\]"):
            pool.apply(id, (lock,))
        with pytest.raises(SerializationError):
            pool.apply(threading.Lock)
        mixed: list[Any] = [1, lock, "x"]
        with pytest.raises(SerializationError):
            pool.map(repr, mixed, 3)
        results = pool.imap(repr, mixed, 3)
        assert next(results) == "1"
        with pytest.raises(SerializationError):
            next(results)
        assert next(results) == "'x'"
        with pytest.raises(SerializationError, match=r"args\[0\] of type anypool._core.mp_pool.Pool") as caught:
            pool.apply(id, (pool,))
        assert isinstance(caught.value.__cause__, NotImplementedError)
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
        with pytest.raises(NotImplementedError, match="pool objects cannot be passed between processes or pickled"):
            pickle.dumps(pool)


@pytest.mark.parametrize("backend", PROCESSES)
def test_a_killed_worker_fails_its_task_alone(backend: str) -> None:
    """E6: where multiprocessing.Pool waits for ever."""
    with open_pool(backend) as pool:
        with pytest.raises(WorkerDied, match="SIGKILL"):
            pool.apply_async(die).get(30)
        tasks: list[Callable[[], Any]] = [int, die, int]
        results = pool.map_async(call, tasks, 1)
        with pytest.raises(WorkerDied):
            results.get(30)
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
        pool.close()
        pool.join()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_initializer(backend: str, tmp_path: Path) -> None:
    """E15: once per worker before its first task; ``initargs`` may be any iterable. One that fails is said."""
    with open_pool(backend, 1, initializer=note, initargs=iter((str(tmp_path), 7))) as pool:
        pool.map(square, range(3))
        assert [path.name for path in tmp_path.iterdir()] == ["7"]
    failing = open_pool(backend, 1, initializer=refuse_three, initargs=(3,))
    with failing, pytest.raises(anypool.InitializerFailed):
        failing.apply(square, (1,))


@pytest.mark.parametrize("backend", PROCESSES)
def test_workers_are_replaced_after_their_tasks(backend: str) -> None:
    """X3: ``maxtasksperchild``; a chunk counts as one task, as in multiprocessing, and ``close`` waits for all."""
    with open_pool(backend, 1, maxtasksperchild=2) as pool:
        pids = [pool.apply(os.getpid) for _ in range(5)]
        assert [len(set(pair)) for pair in (pids[:2], pids[2:4])] == [1, 1]
        assert len(set(pids)) == 3
    pool = open_pool(backend, 2, maxtasksperchild=1)
    results = [pool.apply_async(square, (number,)) for number in range(4)]
    pool.close()
    pool.join()
    assert [result.get(0) for result in results] == [0, 1, 4, 9]


# --- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_close_and_join_finish_the_work(backend: str, tmp_path: Path) -> None:
    """X3: everything that was given is run, also what nobody asked for, the rest of an imap's input included."""
    folder = str(tmp_path)
    pool = open_pool(backend)
    pool.apply_async(note, (folder, 0))
    mapped = pool.starmap_async(note, [(folder, number) for number in range(1, 40)])
    begun = pool.imap(square, (number for number in range(100)), 2)
    assert next(begun) == 0
    untouched = pool.imap_unordered(square, iter(range(10)))
    pool.close()
    assert next(begun) == 1
    pool.join()
    assert mapped.get(0) == list(range(1, 40))
    assert len(list(tmp_path.iterdir())) == 40
    assert list(begun) == [square(number) for number in range(2, 100)]
    assert sorted(untouched) == [square(number) for number in range(10)]


@pytest.mark.parametrize("backend", PROCESSES)
def test_close_alone_lets_the_workers_go(backend: str) -> None:
    """X3: nobody has to join, and an iterator that is still read holds the workers until its end."""
    pool = open_pool(backend, 1)
    results = pool.imap(square, iter(range(3)))
    assert next(results) == 0
    pid = pool.apply(os.getpid)
    pool.close()
    assert list(results) == [1, 4]
    for _ in range(1000):
        if not is_alive(pid):
            break
        time.sleep(0.01)
    else:
        pytest.fail("the worker stayed")
    pool.join()


@pytest.mark.parametrize("backend", CONCURRENT)
def test_terminate_ends_what_runs_and_what_waits(backend: str) -> None:
    """X3: leaving ``with`` terminates; results end with an error (multiprocessing's never end), callbacks rest."""
    called: list[Any] = []
    with open_pool(backend, 1) as pool:
        running = pool.apply_async(time.sleep, (0.4,), {}, called.append, called.append)
        waiting = pool.apply_async(square, (1,), {}, called.append, called.append)
        mapped = pool.map_async(square, range(1000), 1, called.append, called.append)
        lazy = pool.imap(square, itertools.count())
    pool.join()
    with pytest.raises((WorkerDied, concurrent.futures.CancelledError)):
        running.get(5)
    with pytest.raises(concurrent.futures.CancelledError, match="terminated before this task began"):
        waiting.get(5)
    with pytest.raises(concurrent.futures.CancelledError, match="terminated before this task began"):
        mapped.get(5)
    with pytest.raises(concurrent.futures.CancelledError, match="terminated before this task began"):
        lazy.next(5)
    assert called == []


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_dropping_a_running_pool_warns_and_leaks_nothing(backend: str) -> None:
    """X3: multiprocessing's ResourceWarning; the plugin's leak check sees to the workers."""
    pool: abc.Pool | None = open_pool(backend)
    assert pool is not None
    assert pool.apply(square, (2,)) == 4
    with pytest.warns(ResourceWarning, match=r"unclosed running multiprocessing pool <anypool.Pool .* state=RUN"):
        pool = None
        gc.collect()


def test_a_result_holds_its_pool() -> None:
    """A pool that nobody else holds finishes what it was given."""
    gate = threading.Event()
    result = open_pool("thread").apply_async(gate.wait, (LONG,))
    gc.collect()
    with pytest.warns(ResourceWarning, match="unclosed running"):
        gate.set()
        assert result.get(30) is True
        gc.collect()


def test_repr_says_the_state() -> None:
    """As multiprocessing's does."""
    pool = open_pool("thread", 3)
    assert repr(pool) == "<anypool.Pool 'thread' state=RUN pool_size=3>"
    pool.close()
    assert repr(pool) == "<anypool.Pool 'thread' state=CLOSE pool_size=3>"
    pool.terminate()
    assert repr(pool) == "<anypool.Pool 'thread' state=TERMINATE pool_size=3>"
    pool.join()


@pytest.mark.parametrize("backend", PROCESSES)
def test_a_pool_that_is_open_at_exit(backend: str, tmp_path: Path) -> None:
    """X3: it is terminated, as multiprocessing's is, with what it has not done; no warning, no wait."""
    import subprocess
    import sys

    program = tmp_path / "program.py"
    program.write_text(
        "import time\nimport anypool as multiprocessing\n"
        "pool = multiprocessing.Pool(1)\n"
        "print(pool.apply(abs, (-1,)))\n"
        f"late = pool.apply_async(time.sleep, ({LONG},))\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env={**os.environ, "ANYPOOL_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert time.monotonic() - began < LONG / 2


@dataclasses.dataclass(frozen=True)
class Tuned(anypool.SerialBackend):
    """A backend with a setting."""

    level: int = 0


def test_the_pool_of_a_backend_with_settings() -> None:
    """X3: ``set_backend`` with an object gives pools of that very object."""
    anypool.set_backend(Tuned(level=3))
    try:
        with mp_pool.Pool(1) as pool:
            assert pool._executor._session.backend == Tuned(level=3)
    finally:
        anypool.set_backend(None)


def test_isolate_copies() -> None:
    """E4: the pool of an executor's own context copies as the executor does."""
    with anypool.Executor("thread", 1, isolate=True) as ex, ex.context.Pool(1) as pool:
        given = [1]
        assert pool.apply(operator.iadd, (given, [2])) == [1, 2]
        assert given == [1]
