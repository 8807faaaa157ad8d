"""``python -m tests.cpython.run BACKEND [Class …] [-Class.test …]`` runs CPython's tests, and prints a line for each.

Each line is ``outcome<TAB>Class.test<TAB>reason``. Run with ``--list`` it prints the classes.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import unittest
from multiprocessing import util
from types import FrameType, TracebackType
from typing import TypeAlias

__all__ = ["main"]

#: Seconds for one test: those of CPython that measure timeouts take some.
_PATIENCE = int(os.environ.get("ANYPOOL_PATIENCE", "30"))

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class _Result(unittest.TestResult):
    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._say("started", test, "")
        signal.alarm(_PATIENCE)

    def stopTest(self, test: unittest.TestCase) -> None:
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._say("passed", test, "")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._say("skipped", test, reason)

    def addFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:
        self._say("failed", test, self._why(err))

    def addError(self, test: unittest.TestCase, err: _ExcInfo) -> None:
        self._say("failed", test, self._why(err))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: _ExcInfo | None) -> None:
        if err is not None:
            self._say("failed", test, self._why(err))

    def _why(self, err: _ExcInfo) -> str:
        trace = err[2]
        where = ""
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.endswith("_test_multiprocessing.py"):
                where = f" (line {trace.tb_lineno})"
            trace = trace.tb_next
        if os.environ.get("ANYPOOL_CPYTHON_TRACE"):
            import traceback

            traceback.print_exception(*err)
        return f"{type(err[1]).__name__}: {err[1]}{where}"

    def _say(self, outcome: str, test: unittest.TestCase, reason: str) -> None:
        name = f"{type(test).__name__}.{getattr(test, '_testMethodName', test)}"
        print(outcome, name, " ".join(reason.split())[:300], sep="\t", file=_OUT, flush=True)


_OUT = sys.stdout


class _TooLong(Exception):
    """A test took more than its time."""


def _alarm(number: int, frame: FrameType | None) -> None:
    raise _TooLong(f"no end after {_PATIENCE} s")


def main(arguments: list[str]) -> None:
    """Run the classes that are named, or all."""
    global _OUT
    os.environ["ANYPOOL_CPYTHON"] = arguments[0]
    from tests.cpython import cases

    if arguments[1:] == ["--list"]:
        print(*cases.CASES, sep="\n")
        return
    faulthandler.register(signal.SIGUSR1)
    _OUT = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a test prints is not a result
    signal.signal(signal.SIGALRM, _alarm)
    without = {argument[1:] for argument in arguments[1:] if argument.startswith("-")}
    for name in [argument for argument in arguments[1:] if not argument.startswith("-")] or cases.CASES:
        wanted, _, method = name.partition(".")
        case = cases.CASES[wanted]
        suite = unittest.TestSuite([case(method)]) if method else unittest.defaultTestLoader.loadTestsFromTestCase(case)
        wanted_tests = [test for test in suite if f"{name}.{getattr(test, '_testMethodName', '')}" not in without]
        unittest.TestSuite(wanted_tests).run(_Result())
    _OUT.flush()
    # What a failed test has left running must not keep this from ending; what it has on disk must go.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE)
    util._run_finalizers()  # type: ignore[attr-defined]  # not in typeshed
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
