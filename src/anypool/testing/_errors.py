"""E5: exceptions arrive whole, and what cannot be pickled fails its own future alone."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import pickle
import threading
from typing import Any

import pytest

from anypool import AnypoolError, Executor, SerializationError
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor

__all__ = ["Errors"]


class Errors(BackendSuite):
    """E5."""

    @pytest.fixture
    def one(self, make_executor: MakeExecutor) -> Executor:
        """Give an executor with a single worker, so that a worker that was lost is noticed."""
        return make_executor(1)

    def failure(self, ex: Executor, function: Any, *args: Any, **kwargs: Any) -> BaseException:
        """Run a task that fails; check that its worker goes on afterwards; give what its future got."""
        worker = ex.submit(tasks.thread_id).result(PATIENCE)
        error = ex.submit(function, *args, **kwargs).exception(PATIENCE)
        assert error is not None
        assert ex.submit(tasks.thread_id).result(PATIENCE) == worker, "the failure cost the pool its worker"
        return error

    def refusal(self, ex: Executor, path: str, function: Any, *args: Any, **kwargs: Any) -> None:
        """Check that a task whose values cannot travel fails with the path; where nothing travels it must not fail."""
        if not self.copies:
            assert ex.submit(function, *args, **kwargs).exception(PATIENCE) is None
            return
        error = self.failure(ex, function, *args, **kwargs)
        assert isinstance(error, SerializationError) and isinstance(error, (AnypoolError, pickle.PicklingError))
        assert path in error.path
        assert path in str(error)
        assert error.culprit

    # --- exceptions --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "original",
        [
            ValueError("simple"),
            KeyError("key"),
            FileNotFoundError(2, "No such file", "name"),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            StopIteration("stop"),
            MemoryError("much"),
            AssertionError(),
            asyncio.CancelledError("cancelled"),
            concurrent.futures.CancelledError("cancelled"),
            concurrent.futures.TimeoutError("late"),
        ],
        ids=lambda error: type(error).__module__ + "." + type(error).__qualname__,
    )
    def test_type_and_args(self, one: Executor, original: BaseException) -> None:
        """E5: an exception has its type, its args and its text."""
        error = self.failure(one, tasks.raise_it, original)
        assert type(error) is type(original)
        assert error.args == original.args
        assert str(error) == str(original)

    def test_os_error_fields(self, one: Executor) -> None:
        """E5: the fields that a built-in exception keeps beside its args arrive."""
        error = self.failure(one, open, "/does/not/exist")
        assert isinstance(error, FileNotFoundError)
        assert (error.errno, error.filename) == (2, "/does/not/exist")

    def test_custom_constructor(self, one: Executor) -> None:
        """E5: an exception whose constructor takes other things than its args arrives with its attributes."""
        error = self.failure(one, tasks.raise_stubborn, 404)
        assert type(error) is tasks.Stubborn
        assert (error.code, error.reason) == (404, "no such thing")
        assert error.args == ("no such thing (code 404)",)

    def test_notes_cause_and_context(self, one: Executor) -> None:
        """E5: notes, cause and the cause's context arrive."""
        error = self.failure(one, tasks.raise_with_history)
        assert error.args == ("outer", 42)
        assert error.__notes__ == ["first note", "second note"]
        assert isinstance(error.__cause__, ValueError)
        assert isinstance(error.__cause__.__context__, KeyError)

    def test_suppressed_context(self, one: Executor) -> None:
        """E5: ``raise … from None`` stays that."""
        error = self.failure(one, tasks.raise_hidden)
        assert error.__suppress_context__ and error.__cause__ is None
        assert "KeyError" not in tasks.text_of(error)

    def test_groups(self, one: Executor) -> None:
        """E5: an exception group arrives with its tree."""
        error = self.failure(one, tasks.raise_group)
        assert isinstance(error, ExceptionGroup)
        matched, rest = error.split(tasks.Stubborn)
        assert rest is not None and isinstance(rest.exceptions[0], ValueError)
        assert matched is not None and isinstance(matched.exceptions[0], ExceptionGroup)

    def test_remote_traceback(self, one: Executor) -> None:
        """E5: the traceback shows the task's own file, function and line, for causes too."""
        text = tasks.text_of(self.failure(one, tasks.raise_with_history))
        assert text.count("in raise_with_history") == 3
        assert "_tasks.py" in text
        assert "raise outer from error" in text
        assert 'raise ValueError("not a number")' in text

    def test_traceback_of_result(self, one: Executor) -> None:
        """E5: what ``result()`` raises shows the caller's line and the task's."""
        with pytest.raises(tasks.Stubborn) as caught:
            one.submit(tasks.raise_stubborn, 1).result(PATIENCE)
        functions = [entry.name for entry in caught.traceback]
        assert functions[0] == "test_traceback_of_result"
        assert functions[-1] == "raise_stubborn"

    def test_deep_recursion(self, one: Executor) -> None:
        """E5: a ``RecursionError`` arrives; its thousand frames harm nobody."""
        error = self.failure(one, tasks.raise_deep, 0)
        assert isinstance(error, RecursionError)
        assert "raise_deep" in tasks.text_of(error)

    @pytest.mark.parametrize(
        "original", [SystemExit(3), KeyboardInterrupt("typed"), GeneratorExit()], ids=lambda error: type(error).__name__
    )
    def test_exits_are_exceptions_of_the_task(self, one: Executor, original: BaseException) -> None:
        """E5: ``SystemExit``, ``KeyboardInterrupt`` and ``GeneratorExit`` are the task's, and end nothing else."""
        error = self.failure(one, tasks.raise_it, original)
        assert type(error) is type(original)
        assert error.args == original.args

    def test_sys_exit(self, one: Executor) -> None:
        """E5: ``sys.exit`` in a task gives ``SystemExit`` with its code."""
        error = self.failure(one, tasks.exit_with, 5)
        assert isinstance(error, SystemExit) and error.code == 5

    # --- what cannot travel ------------------------------------------------------------------------------------

    def test_argument(self, one: Executor) -> None:
        """E5: an argument that cannot be pickled is named by its place."""
        self.refusal(one, "args[1]", tasks.nothing, 1, threading.Lock())

    def test_nested_argument(self, one: Executor) -> None:
        """E5: the path leads through containers and attributes to the culprit."""
        self.refusal(one, "args[0]['deep'][1]", tasks.nothing, {"fine": 1, "deep": [0, threading.Lock()]})
        self.refusal(one, "args[0].content", tasks.nothing, tasks.Box(threading.Lock()))

    def test_keyword_argument(self, one: Executor) -> None:
        """E5: a keyword argument is named."""
        self.refusal(one, "handle", tasks.nothing, handle=threading.Lock())

    def test_function(self, one: Executor) -> None:
        """E5: a closure over something that cannot be pickled is named with its variable."""
        guard = threading.Lock()

        def locked() -> bool:
            return guard.locked()

        self.refusal(one, "guard", locked)

    def test_result(self, one: Executor) -> None:
        """E5: a result that cannot be pickled fails the future, with the path from ``result`` on."""
        self.refusal(one, "result", tasks.make_lock)
        self.refusal(one, "result['wrong'][1]", tasks.make_nested_lock)

    def test_exception(self, one: Executor) -> None:
        """E5: an exception that cannot be pickled is replaced by one that has its words and names the culprit."""
        error = self.failure(one, tasks.raise_holding)
        if not self.copies:
            assert isinstance(error, tasks.Holding)
            return
        assert isinstance(error, SerializationError)
        text = tasks.text_of(error)
        assert "Holding" in text and "the original words" in text and "raise_holding" in text
        assert "lock" in error.path

    def test_raising_reduce(self, one: Executor) -> None:
        """E5: an argument or result whose ``__reduce__`` raises fails its own future, and the reason is told."""
        self.refusal(one, "args[0]", tasks.nothing, tasks.RaisesOnPickle())
        self.refusal(one, "result", tasks.make_raising, "pickle")
        if self.copies:
            assert "reduce refuses" in str(self.failure(one, tasks.nothing, tasks.RaisesOnPickle()))

    @pytest.mark.parametrize(
        "reason", [LookupError("setstate refuses"), SystemExit(9)], ids=lambda error: type(error).__name__
    )
    def test_raising_setstate_of_an_argument(self, one: Executor, reason: BaseException) -> None:
        """E5: an argument that cannot be rebuilt in the worker fails its own future and does not end the worker."""
        if not self.copies:
            assert one.submit(tasks.nothing, tasks.RaisesOnUnpickle(reason)).exception(PATIENCE) is None
            return
        error = self.failure(one, tasks.nothing, tasks.RaisesOnUnpickle(reason))
        assert isinstance(error, SerializationError)
        assert type(reason).__name__ in str(error) and str(reason) in str(error)
        assert "RaisesOnUnpickle" in str(error)

    def test_raising_setstate_of_a_result(self, one: Executor) -> None:
        """E5: a result that cannot be rebuilt by the caller fails its own future and breaks no thread of ours."""
        if not self.copies:
            assert one.submit(tasks.make_raising, "unpickle").exception(PATIENCE) is None
            return
        error = self.failure(one, tasks.make_raising, "unpickle")
        assert isinstance(error, SerializationError)
        assert "setstate refuses" in str(error) and "RaisesOnUnpickle" in str(error)

    def test_errors_name_the_task(self, one: Executor) -> None:
        """E5: the error says which task it was, by name and number."""
        if not self.copies:
            assert one.submit(tasks.identity, tasks.make_lock()).exception(PATIENCE) is None
            return
        one.submit(tasks.nothing).result(PATIENCE)
        for future in (one.submit(tasks.identity, threading.Lock()), one.submit(tasks.make_lock)):
            text = str(future.exception(PATIENCE))
            assert future.task_name in text and str(future.task_id) in text

    def test_one_bad_item_of_a_map(self, one: Executor) -> None:
        """E5: an item that cannot be pickled fails alone; those before it in its chunk have their results."""
        results = one.map(tasks.identity, [1, 2, threading.Lock(), 4], chunksize=4)
        assert [next(results), next(results)] == [1, 2]
        if not self.copies:
            assert len(list(results)) == 2
            return
        with pytest.raises(SerializationError):
            next(results)

    def test_many_bad_ones_in_a_row(self, ex: Executor) -> None:
        """E5: after fifty tasks that could not travel the pool still works."""
        futures = [ex.submit(tasks.make_lock, number) for number in range(25)]
        futures += [ex.submit(tasks.nothing, threading.Lock()) for _ in range(25)]
        errors = [future.exception(PATIENCE) for future in futures]
        assert all(isinstance(error, SerializationError) is self.copies for error in errors)
        assert ex.submit(tasks.square, 3).result(PATIENCE) == 9

    def test_where_processes_are_promised(self, one: Executor) -> None:
        """E5: none of this happened in the caller's own process, where there are others."""
        assert (one.submit(os.getpid).result(PATIENCE) != os.getpid()) is self.processes
