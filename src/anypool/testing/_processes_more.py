"""X1: what a process knows of itself, of its parent and of its children, and ``multiprocessing``'s small rules."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from anypool import Executor
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite

__all__ = ["MoreProcesses"]


class MoreProcesses(BackendSuite):
    """X1: names, relations, daemons, exit codes at the edge."""

    @pytest.mark.parametrize(
        ("args", "exitcode"),
        [((), 0), ((False,), 0), ((255,), 255), (([1, 2],), 1), ((2.5,), 1), (("",), 1)],
        ids=["nothing", "False", "255", "list", "float", "empty text"],
    )
    def test_sys_exit_at_the_edge(
        self, ex: Executor, capfd: pytest.CaptureFixture[str], args: tuple[Any, ...], exitcode: int
    ) -> None:
        """X1: ``sys.exit`` with what is no number prints it and gives 1."""
        process = ex.Process(target=sys.exit, args=args)
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == exitcode
        if args and exitcode == 1:
            assert str(args[0]) in capfd.readouterr().err

    def test_itself(self, ex: Executor) -> None:
        """X1: a process knows its name, id and flags; to itself it is alive, and it cannot join itself."""
        seen = ex.Queue()
        process = _described(ex, seen, name="itself")
        process.start()
        here = seen.get(timeout=PATIENCE)
        process.join(PATIENCE)
        assert process.exitcode == 0
        assert here == {
            "name": "itself",
            "current": "itself",
            "same": True,
            "alive": True,
            "daemon": False,
            "pid": process.pid,
            "exitcode": None,
            "join": "AssertionError",
        }

    def test_current_process(self, ex: Executor) -> None:
        """X1: the program is the main process, which nobody started; a process's parent is the one that started it."""
        context, backend = ex.context, self.backend
        here = context.current_process()
        assert here.name == "MainProcess" and here.pid == os.getpid() and here.daemon is False
        assert context.parent_process() is None
        seen = ex.Queue()
        process = ex.Process(target=_relations, args=(backend, seen), name="child")
        process.start()
        current, parent, children = seen.get(timeout=PATIENCE)
        process.join(PATIENCE)
        assert current == ("child", process.pid)
        assert parent == ("MainProcess", os.getpid(), True)
        assert children == []

    def test_names_count(self, ex: Executor) -> None:
        """X1: names without a choice are numbered, those of a process's own processes below its own number."""
        first, second = ex.Process(target=tasks.nothing), ex.Process(target=tasks.nothing)
        numbers = [int(process.name.rpartition("-")[2].rpartition(":")[2]) for process in (first, second)]
        assert numbers[1] == numbers[0] + 1
        assert first.name.startswith("Process-")
        seen = ex.Queue()
        parent = ex.Process(target=_name_of_a_child, args=(self.backend, seen))
        parent.start()
        assert seen.get(timeout=PATIENCE).startswith(f"{parent.name}:")
        parent.join(PATIENCE)

    def test_process_wrong_arguments(self, ex: Executor) -> None:
        """X1: a name is a text, a group is none."""
        process = ex.Process(target=tasks.nothing)
        with pytest.raises(AssertionError):
            process.name = 5  # type: ignore[assignment]
        with pytest.raises(AssertionError):
            ex.Process("group", tasks.nothing)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            ex.Process(targets=tasks.nothing)  # type: ignore[call-arg]

    def test_positional_arguments(self, ex: Executor) -> None:
        """X1: ``group, target, name, args, kwargs`` in this order."""
        results = ex.Queue()
        process = ex.Process(None, results.put, "positional", (1,), {"block": True})
        assert process.name == "positional"
        process.start()
        assert results.get(timeout=PATIENCE) == 1
        process.join(PATIENCE)

    def test_run_by_hand(self, ex: Executor) -> None:
        """X1: ``run`` called by hand is a call like any other: nothing is started."""
        items: list[int] = []
        process = ex.Process(target=items.append, args=(1,))
        process.run()
        assert items == [1]
        assert process.pid is None and process.exitcode is None

    def test_active_children(self, ex: Executor) -> None:
        """X1: ``active_children`` are those that were started and have not ended."""
        context, event = ex.context, ex.Event()
        before = context.active_children()
        process = ex.Process(target=event.wait)
        assert process not in context.active_children()
        process.start()
        assert [one for one in context.active_children() if one not in before] == [process]
        event.set()
        process.join(PATIENCE)
        assert process not in context.active_children()

    def test_join_that_does_not_wait(self, ex: Executor) -> None:
        """X1: a negative timeout is none."""
        event = ex.Event()
        process = ex.Process(target=event.wait)
        process.start()
        process.join(-1)
        assert process.is_alive()
        event.set()
        process.join()
        assert process.exitcode == 0

    def test_nested(self, ex: Executor) -> None:
        """X1: a process starts processes of its own."""
        results = ex.Queue()
        process = ex.Process(target=_start_one, args=(self.backend, results, 20))
        process.start()
        assert results.get(timeout=PATIENCE) == 40
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_daemon_has_no_children(self, ex: Executor) -> None:
        """X1: a daemonic process may not start others."""
        results = ex.Queue()
        process = ex.Process(target=_start_refused, args=(self.backend, results), daemon=True)
        process.start()
        assert "daemonic processes are not allowed to have children" in results.get(timeout=PATIENCE)
        process.join(PATIENCE)

    def test_daemon_flag_is_seen_inside(self, ex: Executor) -> None:
        """X1: a process sees its own flag."""
        results = ex.Queue()
        process = ex.Process(target=_own_daemon_flag, args=(self.backend, results), daemon=True)
        process.start()
        assert results.get(timeout=PATIENCE) is True
        process.join(PATIENCE)

    def test_representation(self, ex: Executor) -> None:
        """X1: the text shows the name, and how far its life has come."""
        event = ex.Event()
        process = ex.Process(target=event.wait, name="shown")
        assert "'shown'" in repr(process) and "initial" in repr(process)
        process.start()
        assert "started" in repr(process)
        event.set()
        process.join(PATIENCE)
        assert "stopped" in repr(process)
        process.close()
        assert "closed" in repr(process)

    def test_authkey(self, ex: Executor) -> None:
        """X1: a process has its parent's ``authkey``, and may have another."""
        key = ex.context.current_process().authkey
        assert isinstance(key, bytes) and key
        process: Any = ex.Process(target=tasks.nothing)
        assert process.authkey == key
        process.authkey = b"another"
        assert process.authkey == b"another"

    def test_ends_in_any_order(self, ex: Executor) -> None:
        """X1: each process's exit code is its own, in whatever order they end and are asked."""
        gates = [ex.Event() for _ in range(3)]
        processes = [ex.Process(target=_wait_and_exit, args=(gate, code)) for code, gate in enumerate(gates, 10)]
        for process in processes:
            process.start()
        for process, gate in zip(reversed(processes), reversed(gates), strict=True):
            gate.set()
            process.join(PATIENCE)
        assert [process.exitcode for process in processes] == [10, 11, 12]

    def test_from_a_task(self, ex: Executor) -> None:
        """X1, E17: a task starts a process and waits for it."""
        results, backend = ex.Queue(), self.backend
        assert ex.submit(_start_one, backend, results, 4).result(PATIENCE) == 0
        assert results.get(timeout=PATIENCE) == 8


def _described(ex: Executor, seen: Any, **settings: Any) -> Any:
    """Make a process that tells of itself; a class of its own, for its instance is what it looks at."""
    base: Any = ex.Process
    context_of = _context

    class Described(base):  # type: ignore[misc]  # the class is the backend's
        def __init__(self, backend: str) -> None:
            super().__init__(**settings)
            self.backend = backend

        def run(self) -> None:
            current = context_of(self.backend).current_process()
            here = {"name": self.name, "current": current.name, "same": current is self}
            here |= {"alive": self.is_alive(), "daemon": self.daemon, "pid": self.pid, "exitcode": self.exitcode}
            try:
                self.join()
                here["join"] = "nothing"
            except Exception as error:
                here["join"] = type(error).__name__
            seen.put(here)

    return Described(ex.backend)


def _context(backend: str) -> Any:
    import anypool

    return anypool.get_context(backend)


def _relations(backend: str, seen: Any) -> None:
    context = _context(backend)
    current, parent = context.current_process(), context.parent_process()
    children = [child.name for child in context.active_children()]
    seen.put(((current.name, current.pid), (parent.name, parent.pid, parent.is_alive()), children))


def _name_of_a_child(backend: str, seen: Any) -> None:
    seen.put(_context(backend).Process(target=tasks.nothing).name)


def _put_double(results: Any, number: int) -> None:
    results.put(number * 2)


def _start_one(backend: str, results: Any, number: int) -> int | None:
    process = _context(backend).Process(target=_put_double, args=(results, number))
    process.start()
    process.join(20)
    exitcode: int | None = process.exitcode
    return exitcode


def _start_refused(backend: str, results: Any) -> None:
    process = _context(backend).Process(target=tasks.nothing)
    try:
        process.start()
        results.put("it was started")
    except AssertionError as error:
        results.put(str(error))


def _own_daemon_flag(backend: str, results: Any) -> None:
    results.put(_context(backend).current_process().daemon)


def _wait_and_exit(gate: Any, code: int) -> None:
    gate.wait(20)
    sys.exit(code)
