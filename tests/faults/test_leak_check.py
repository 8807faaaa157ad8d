"""The leak check catches each kind of leak, and lets pass what is none: a check that never fails checks nothing."""

from __future__ import annotations

import re

import pytest

#: A test that passes and leaves something behind; kept alive by ``kept``, which is a global.
LEAKS = {
    "process": ("import subprocess; kept.append(subprocess.Popen(['sleep', '60']))", r"process \d+ \(\w\): sleep 60"),
    "orphan": (
        "import subprocess; subprocess.run(['sh', '-c', 'sleep 7 >/dev/null 2>&1 &'])",
        r"process \d+ \(\w\): sleep 7",
    ),
    "zombie": ("import os; pid = os.fork() or os._exit(0)", r"process \d+ \(Z\)"),
    "thread": (
        "import threading; kept.append(threading.Event()); "
        "threading.Thread(target=kept[-1].wait, name='lingering', daemon=True).start()",
        r"thread 'lingering' \(daemon\)",
    ),
    "descriptor": ("kept.append(open('/etc/passwd'))", r"descriptor \d+ of /etc/passwd"),
    "socket": ("import socket; kept.extend(socket.socketpair())", r"descriptor \d+ of socket:\[\d+\]"),
    "pipe": ("import os; os.pipe()", r"descriptor \d+ of pipe:\[\d+\]"),
    "shared memory": (
        "from multiprocessing.shared_memory import SharedMemory; kept.append(SharedMemory(create=True, size=10))",
        r"name /dev/shm/psm_\w+",
    ),
    "semaphore": (
        "import multiprocessing; kept.append(multiprocessing.get_context('spawn').Lock())",
        r"name /dev/shm/sem\.mp-\w+",
    ),
    "our names": ("kept.append(open('/dev/shm/anypool-leaktest', 'w'))", r"name /dev/shm/anypool-leaktest"),
    "temporary file": ("import tempfile; tempfile.mkdtemp(prefix='forgotten')", r"name .*/forgotten"),
    "executor": (
        "from anypool import Executor; kept.append(Executor('process', 1)); kept[-1].submit(abs, 1).result()",
        r"process \d+ \(\w\):",
    ),
    "lock": ("import anypool; kept.append(anypool.get_context('process').Lock())", r"name /dev/shm/sem\.anypool-"),
}

#: Clean up what the leaking test kept, when the inner session is over.
CLEANUP = """
import os
import pytest
from pathlib import Path

kept = []

@pytest.fixture(scope="session")
def leak_patience():
    return 1.0

@pytest.fixture(scope="session", autouse=True)
def clean():
    yield
    Path("/dev/shm/anypool-leaktest").unlink(missing_ok=True)
    for thing in kept:
        for method in ("set", "kill", "kill_workers", "unlink"):
            if hasattr(thing, method):
                getattr(thing, method)()
        if hasattr(thing, "wait") and hasattr(thing, "pid"):
            thing.wait()
        if hasattr(thing, "close"):
            thing.close()
    kept.clear()
"""


def run(pytester: pytest.Pytester, *bodies: str) -> pytest.RunResult:
    """Run a session of its own with one test for each body and an innocent one at the end."""
    tests = [f"def test_{number}():\n    {body}\n" for number, body in enumerate([*bodies, "pass"])]
    pytester.makepyfile("\n\n".join([CLEANUP, *tests]))
    return pytester.runpytest_subprocess("-p", "anypool.testing.plugin", "-p", "no:cacheprovider")


def test_each_kind_is_caught(pytester: pytest.Pytester) -> None:
    """DESIGN 4.9: each leaking test errors, naming what leaked; the test after it does not."""
    result = run(pytester, *(body for body, _ in LEAKS.values()))
    result.assert_outcomes(passed=len(LEAKS) + 1, errors=len(LEAKS))
    text = result.stdout.str()
    for number, (kind, (_, pattern)) in enumerate(LEAKS.items()):
        section = rf"ERROR at teardown of test_{number} _+\nthe test left behind:\n(  .*\n)*?  {pattern}"
        assert re.search(section, text), kind


HARMLESS = {
    "nothing": "pass",
    "ended process": "import subprocess; subprocess.run(['true'])",
    "ending thread": "import threading; threading.Timer(0.3, print).start()",
    "collected": "x = [open('/etc/passwd')]; x.append(x); import warnings; warnings.simplefilter('ignore')",
    "executor": "from anypool import Executor\n    with Executor('process', 2) as ex: ex.submit(abs, 1).result()",
    "dropped executor": "from anypool import Executor; Executor('process', 1).submit(abs, 1).result()",
    "primitives": "from anypool import Executor\n    with Executor('process', 1) as ex: x = ex.Queue(), ex.Pipe()",
    "pytest's own folder": "import tempfile; tempfile.TemporaryDirectory().cleanup()",
    "resource tracker": "from multiprocessing import resource_tracker; resource_tracker.ensure_running()",
    "loky": "from anypool import Executor\n    with Executor('loky', 1) as ex: ex.submit(abs, 1).result()",
}


def test_what_is_no_leak_passes(pytester: pytest.Pytester) -> None:
    """DESIGN 4.9: what has gone, is just going, or lives as long as the program by its nature is no leak."""
    run(pytester, *HARMLESS.values()).assert_outcomes(passed=len(HARMLESS) + 1)


def test_failed_tests_are_not_checked(pytester: pytest.Pytester) -> None:
    """A failed test has one report, its own: its traceback keeps what it left."""
    run(pytester, "kept.append(open('/etc/passwd')); assert False").assert_outcomes(passed=1, failed=1)


def test_exceptions_can_be_allowed(pytester: pytest.Pytester) -> None:
    """A session can allow what an engine keeps for the whole program."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef allowed_leaks():\n    return ['descriptor .*passwd']\n"
    )
    run(pytester, "kept.append(open('/etc/passwd'))").assert_outcomes(passed=2)


def test_what_others_do_is_not_counted(pytester: pytest.Pytester) -> None:
    """Names that another program holds open meanwhile are not this session's leaks."""
    body = (
        "import os, subprocess; env = {k: v for k, v in os.environ.items() if k != 'ANYPOOL_TEST_SESSION'}; "
        "subprocess.run(['setsid', '--fork', 'sh', '-c', "
        "'exec 9>/dev/shm/anypool-leaktest; sleep 3'], env=env, stdout=-3, stderr=-3); "
        "import anypool.testing; "
        "assert anypool.testing.eventually(lambda: os.path.exists('/dev/shm/anypool-leaktest'))"
    )
    run(pytester, body).assert_outcomes(passed=2)
