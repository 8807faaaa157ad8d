"""What every family of the suite stands on: the backend under test, and executors that are shut down after a test."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from anypool import BackendUnavailable, Capabilities, Executor
from anypool.testing._gate import Gate
from anypool.testing._proc import family

__all__ = ["PATIENCE", "BackendSuite", "MakeExecutor"]

#: Seconds after which a result that should have come is given up. Long: it is only ever waited out by a failing test.
PATIENCE = 30.0

MakeExecutor = Callable[..., Executor]


@functools.cache
def _capabilities(backend: str) -> Capabilities:
    with Executor(backend, 1) as executor:
        return executor.capabilities


class BackendSuite:
    """Base of all contracts; a subclass names the backend.

    Attributes:
        backend: its name, as ``Executor`` and ``ANYPOOL_BACKEND`` take it.
        isolate: run every test with ``isolate=True``, which in-process backends should pass as well (E4).
    """

    backend: ClassVar[str]
    isolate: ClassVar[bool] = False

    @property
    def settings(self) -> dict[str, Any]:
        """Further keywords for every ``Executor``."""
        return {"isolate": True} if self.isolate else {}

    @property
    def capabilities(self) -> Capabilities:
        """What the backend says of itself."""
        return _capabilities(self.backend)

    @property
    def concurrent(self) -> bool:
        """Whether tasks run beside the program that submits them."""
        return self.capabilities.concurrent

    @property
    def processes(self) -> bool:
        """Whether workers are processes of their own."""
        return self.capabilities.processes

    @property
    def copies(self) -> bool:
        """Whether values travel as copies (E4)."""
        return self.processes or self.isolate

    def in_process(self, ex: Executor) -> bool:
        """Tell whether tasks run in this very process, where their death would be ours; check it."""
        if self.processes:
            return False
        before = family()
        assert ex.submit(os.getpid).result(PATIENCE) == os.getpid()
        assert family() == before, "an in-process backend started a process"
        return True

    @pytest.fixture(autouse=True)
    def _engine(self) -> None:
        """Fail or skip, aloud, where the backend's engine is not installed."""
        try:
            _capabilities(self.backend)
        except BackendUnavailable as error:
            if os.environ.get("ANYPOOL_REQUIRE_ALL") == "1":
                pytest.fail(f"ANYPOOL_REQUIRE_ALL=1, but {error}", pytrace=False)
            pytest.skip(str(error))

    @pytest.fixture
    def make_executor(self, _engine: None) -> Iterator[MakeExecutor]:
        """Give a function that makes executors, two workers each unless told; all are shut down after the test."""
        made: list[Executor] = []

        def make(max_workers: int = 2, **settings: Any) -> Executor:
            executor = Executor(self.backend, max_workers, **{**self.settings, **settings})
            made.append(executor)
            return executor

        yield make
        stuck: list[Executor] = []
        for executor in made:

            def stop(executor: Executor = executor) -> None:
                stuck.append(executor)
                executor.kill_workers()

            watchdog = threading.Timer(PATIENCE / 2, stop)
            watchdog.start()
            try:
                executor.shutdown(wait=True, cancel_futures=True)
            finally:
                watchdog.cancel()
                watchdog.join()
        made.clear()
        assert not stuck, f"shutdown(wait=True) did not return within {PATIENCE / 2:g} s and the workers were killed"

    @pytest.fixture
    def ex(self, make_executor: MakeExecutor) -> Executor:
        """Give an executor with two workers."""
        return make_executor()

    @pytest.fixture
    def gate(self, tmp_path: Path) -> Iterator[Gate]:
        """Give a gate at which tasks can be held; it is opened at the end, whatever happens."""
        with Gate(tmp_path / "gate") as gate:
            yield gate

    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        """Give the path of a file to which tasks append lines."""
        path = tmp_path / "log"
        path.touch()
        return path
