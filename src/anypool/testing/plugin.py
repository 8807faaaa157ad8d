"""A pytest plugin: after each test nothing may be left behind. Load it with ``-p anypool.testing.plugin``.

Or, in the top ``conftest.py``: ``pytest_plugins = ["anypool.testing.plugin"]``.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator, Sequence

import pytest

from anypool.testing import _proc
from anypool.testing._leaks import Snapshot, find_leaks

__all__ = ["allowed_leaks", "leak_patience", "no_leaks", "pytest_configure", "pytest_runtest_makereport"]

_FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Mark what this session starts, so that orphans are recognised, and give it a temporary folder of its own."""
    _proc.mark_session()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell without job control ignores Ctrl-C for what it starts in the background, and every program below
        # would inherit that: no test of E12 could mean anything.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Other programs use the common one meanwhile. pytest's own folders stay where people look for them.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="anypool-session-")
    config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ["TMPDIR"] = tempfile.tempdir = folder


@pytest.fixture(scope="session")
def allowed_leaks() -> Sequence[str]:
    """Give regular expressions for what may stay; override it for an engine that keeps something for the program.

    They are searched for in lines such as ``process 123 (S): python -m engine``, ``thread 'engine-io' (daemon)``,
    ``descriptor 7 of socket:[123]``, ``name /dev/shm/engine``.
    """
    return ()


@pytest.fixture(scope="session")
def leak_patience() -> float:
    """Give the seconds that what is still there after a test may take to go; override it for a slow engine."""
    return 2.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest, allowed_leaks: Sequence[str], leak_patience: float) -> Iterator[None]:
    """Fail the test, in its teardown, if it left a process, thread, descriptor, shared memory or temporary file."""
    # Autouse fixtures are set up first, so this one looks again after every other one has been torn down.
    before = Snapshot.take()
    yield
    if request.node.stash.get(_FAILED, False):
        return  # its traceback keeps everything alive that its frames mention; one report of the failure is enough
    leaks = find_leaks(before, patience=leak_patience, allowed=allowed_leaks)
    if leaks:
        pytest.fail("the test left behind:\n  " + "\n  ".join(leaks), pytrace=False)
