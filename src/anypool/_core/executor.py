"""The facade: one executor for every backend. It checks what it is given, makes batches, and leaves the rest to a pool.

::

    Executor (a view: options) --> Session (one pool, one context, shared by the views) --> WorkerPool
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, ParamSpec, TypeVar

from anypool._core import registry
from anypool._core.batch import TaskBatch, task_name
from anypool._core.cpus import cpu_count
from anypool._core.futures import Future
from anypool._core.map_feed import Feed
from anypool._core.map_results import MapResults
from anypool._core.options import Options
from anypool._core.primitives import Primitives
from anypool._core.serialise import dumps
from anypool._core.session import Session
from anypool.abc import PoolSpec
from anypool.errors import SerializationError

if TYPE_CHECKING:
    from anypool import abc

__all__ = ["Executor"]

P = ParamSpec("P")
T = TypeVar("T")


class Executor(Primitives, concurrent.futures.Executor):
    """Runs callables on a backend; a ``concurrent.futures.Executor`` in every respect (E1).

    Args:
        backend: a backend's name (``"serial"``, ``"thread"``, ``"process"``, ``"loky"``), a backend object for what
            only one engine has (``ProcessBackend(start_method="spawn")``), or ``None`` for the environment's
            ``ANYPOOL_BACKEND``, else ``"process"``.
        max_workers: how many tasks may run at once; by default the CPUs that this process may use (affinity and
            cgroup count).
        initializer: called once in each worker before its first task (E15).
        initargs: its arguments.
        isolate: on ``serial`` and ``thread``, copy arguments and results by pickling, as processes do (E4).
        max_tasks_per_child: replace a worker by a new process after so many tasks (a chunk of a ``map`` counts as
            one), for tasks that leak; ``None`` is never (E16).

    Raises:
        SerializationError: values are copied, and ``initializer`` or ``initargs`` cannot be pickled.
        UnknownBackend: no backend has this name.
        BackendUnavailable: its engine is not installed; the message has the install line.
        ValueError: ``max_workers`` or ``max_tasks_per_child`` is not positive.
        Unsupported: ``max_tasks_per_child`` where workers are no processes.
        TypeError: an argument is of the wrong type.
    """

    def __init__(
        self,
        backend: str | abc.Backend | None = None,
        max_workers: int | None = None,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        isolate: bool = False,
        max_tasks_per_child: int | None = None,
    ) -> None:
        chosen = registry.resolve(backend)
        if max_workers is None:
            max_workers = cpu_count()
        elif isinstance(max_workers, bool) or not isinstance(max_workers, int):
            raise TypeError(f"max_workers must be an int or None, not {type(max_workers).__name__}")
        elif max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")  # the standard library's words (E1)
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if not chosen.capabilities.concurrent:
            max_workers = 1  # whatever was asked for; said by Executor.max_workers
        if isolate and not chosen.capabilities.isolate:
            registry.require(chosen.name, "isolate", "isolate=True")
        if isolate and initializer is not None:
            dumps((initializer, tuple(initargs)), "initializer")  # what cannot travel is refused here, not later
        if max_tasks_per_child is not None:
            if isinstance(max_tasks_per_child, bool) or not isinstance(max_tasks_per_child, int):
                raise TypeError("max_tasks_per_child must be an integer")
            if max_tasks_per_child <= 0:
                raise ValueError("max_tasks_per_child must be >= 1")
            if not chosen.capabilities.recycle:
                registry.require(chosen.name, "recycle", "max_tasks_per_child: its workers are no processes")
        spec = PoolSpec(
            max_workers=max_workers,
            initializer=initializer,
            initargs=tuple(initargs),
            isolate=bool(isolate),
            max_tasks_per_child=max_tasks_per_child,
        )
        self._session = Session(chosen, spec)
        self._options = Options()

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._session.backend.name

    @property
    def capabilities(self) -> abc.Capabilities:
        """What the backend can do."""
        return self._session.backend.capabilities

    @property
    def context(self) -> abc.Context:
        """The family of primitives that can be arguments of this executor's tasks (P1)."""
        return self._session.context

    @property
    def max_workers(self) -> int:
        """How many tasks may run at once."""
        return self._session.spec.max_workers

    def __reduce__(self) -> Never:
        raise TypeError("an Executor cannot travel to another process; make one inside the task")

    def __repr__(self) -> str:
        state = " shut down" if self._session.closed else ""
        return f"<anypool.Executor {self.backend!r} max_workers={self.max_workers}{state}>"

    # --- tasks -------------------------------------------------------------------------------------------------

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` on a worker; every keyword goes to ``fn``.

        Returns:
            Its future. What cannot be pickled fails this future with ``SerializationError``, nothing else.

        Raises:
            RuntimeError: the executor was shut down.
            TypeError: ``fn`` cannot be called.
        """
        if not callable(fn):
            raise TypeError(f"submit() takes a callable, not {type(fn).__name__}")
        session, options = self._session, self._options
        session.check_open()
        future: Future[T] = Future()
        name = options.name or task_name(fn)
        future.task_id = task_id = session.take_ids(1)
        future.task_name = name
        batch = TaskBatch(future, (fn, args, kwargs), task_id, name, options.timeout)
        future._attach(session.pool, batch, self.backend, options.kill_on_cancel)
        if session.copies:
            try:
                batch.encode()
            except SerializationError as error:
                error.args = (f"task {name!r} (id {task_id}): {error}",)
                batch.settle(0, None, error)
                return future
        session.submit(batch)
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Give ``fn(*items)`` for the items of the iterables, in their order, lazily on both ends (E10).

        Args:
            fn: called with one item of each iterable.
            *iterables: read only as far as results are needed; they may be infinite. If every one has a length, the
                map also runs on when nobody asks for its results, as the standard library's does.
            timeout: seconds from this call on after which asking for a result raises ``TimeoutError``.
            chunksize: items that travel together; by default sized from measured times.
            buffersize: at most so many items are read ahead of the results taken.

        Raises:
            ValueError: ``chunksize`` or ``buffersize`` is not positive.
        """
        return self._map(
            fn, zip(*iterables, strict=False), _length(iterables), timeout, chunksize, buffersize, ordered=True
        )

    def map_unordered(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Give what ``map`` gives in the order in which the results come."""
        return self._map(
            fn, zip(*iterables, strict=False), _length(iterables), timeout, chunksize, buffersize, ordered=False
        )

    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        *,
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Give ``fn(*item)`` for each item, as ``map`` does otherwise."""
        inputs = (tuple(item) for item in iterable)
        return self._map(fn, inputs, _length((iterable,)), timeout, chunksize, buffersize, ordered=True)

    def _map(
        self,
        fn: Callable[..., T],
        inputs: Iterator[tuple[Any, ...]],
        length: int | None,
        timeout: float | None,
        chunksize: int | None,
        buffersize: int | None,
        *,
        ordered: bool,
    ) -> Iterator[T]:
        deadline = None if timeout is None else timeout + time.monotonic()
        if not callable(fn):
            raise TypeError(f"map() takes a callable, not {type(fn).__name__}")
        if chunksize is not None and chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        session, options = self._session, self._options
        session.check_open()
        feed = Feed(
            fn,
            inputs,
            length=length,
            workers=self.max_workers,
            concurrent=self.capabilities.concurrent,
            ordered=ordered,
            chunksize=chunksize,
            buffersize=buffersize,
            name=options.name or task_name(fn),
            timeout=options.timeout,
            encode=_encode_function if session.copies else None,
            send=session.submit,
            take_ids=session.take_ids,
        )
        session.add_feed(feed)
        if self.capabilities.concurrent:
            feed.feed()
        return MapResults(feed, deadline)

    def options(
        self, *, name: str | None = None, timeout: float | None = None, kill_on_cancel: bool | None = None
    ) -> Executor:
        """Give an executor of the same pool whose tasks have these settings; what is not given stays as it is.

        Args:
            name: what errors call the tasks.
            timeout: seconds that a task may run before it is stopped with ``TaskTimeout`` (E7).
            kill_on_cancel: ``future.cancel()`` stops a running task too (E8).

        Raises:
            Unsupported: the backend cannot do it; the message names those that can.
        """
        given: dict[str, Any] = {"name": name, "timeout": timeout, "kill_on_cancel": kill_on_cancel}
        options = dataclasses.replace(
            self._options, **{key: value for key, value in given.items() if value is not None}
        )
        if not self.capabilities.kill_running:
            if options.timeout is not None:
                registry.require(self.backend, "kill_running", "options(timeout=…)")
            if options.kill_on_cancel:
                registry.require(self.backend, "kill_running", "options(kill_on_cancel=True)")
        view = object.__new__(type(self))
        view._session = self._session
        view._options = options
        return view

    # --- the end -----------------------------------------------------------------------------------------------

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what was submitted and let the workers go; later submits raise ``RuntimeError`` (E11).

        Args:
            wait: return only when everything has ended and the workers are gone.
            cancel_futures: cancel the tasks that have not started.
        """
        self._session.shutdown(wait=wait, cancel_futures=cancel_futures)

    def terminate_workers(self) -> None:
        """End the workers now with SIGTERM, whatever they do; running tasks fail, pending ones are cancelled (E11)."""
        self._session.stop(force=False)

    def kill_workers(self) -> None:
        """End the workers now with SIGKILL; otherwise as ``terminate_workers`` (E11)."""
        self._session.stop(force=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            # The standard library would wait for every task here, and the user would press again and again (E12).
            self._session.stop(force=False)
        else:
            self._session.shutdown(wait=True, cancel_futures=False)
        return None


def _encode_function(function: Callable[..., Any]) -> bytes:
    return dumps(function, "function")


def _length(iterables: tuple[Iterable[Any], ...]) -> int | None:
    """Give the length of the zipped iterables, or ``None`` if one of them does not know its own."""
    lengths = []
    for iterable in iterables:
        try:
            lengths.append(len(iterable))  # type: ignore[arg-type]
        except TypeError:
            return None
    return min(lengths, default=0)
