"""The ends of an executor: exit, Ctrl-C, fork, collection: ``_core.session`` (E11, E12)."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from anypool import Executor


def run_script(body: str, *, interrupt: bool = False) -> tuple[int, str, str]:
    """Run a program; with ``interrupt``, press Ctrl-C when it has printed a line. Give status, output and errors."""
    process = subprocess.Popen(
        # Python 3.12 warns of every fork of a threaded process; one of these programs does it on purpose.
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = ""
    if interrupt:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    return process.returncode, first + out, err


def test_work_that_was_submitted_is_done_at_exit() -> None:
    """E11: exit without shutdown finishes what is pending, lists in maps included, as the standard library does."""
    status, out, err = run_script(
        """
        import threading, anypool
        go = threading.Event()
        ex = anypool.Executor("thread", 2)
        ex.submit(go.wait)
        for i in range(3):
            ex.submit(print, "task")
        results = ex.map(lambda x: print("item"), range(40))
        go.set()
        """
    )
    assert (status, err) == (0, "")
    assert out.count("task") == 3
    assert out.count("item") == 40


@pytest.mark.parametrize(
    "block", ["with anypool.Executor('thread', 1) as ex:", "ex = anypool.Executor('thread', 1)\nif 1:"]
)
def test_one_interrupt_ends_a_program_whose_task_sleeps(block: str) -> None:
    """E12: one KeyboardInterrupt, and nobody waits for a thread that cannot be interrupted."""
    status, _, err = run_script(
        f"import time, anypool\n{block}\n"
        "    f = ex.submit(time.sleep, 60)\n"
        "    print('go', flush=True)\n"
        "    f.result()\n",
        interrupt=True,
    )
    assert status in (-signal.SIGINT, 130)
    assert err.count("KeyboardInterrupt") == 1


def test_an_interrupt_of_a_serial_task_reaches_the_caller() -> None:
    """E12: Ctrl-C while a task runs inline is not swallowed by the task's future."""
    status, _, err = run_script(
        """
        import anypool, time
        def task():
            print("go", flush=True)
            time.sleep(60)
        with anypool.Executor("serial") as ex:
            ex.submit(task)
            print("not reached")
        """,
        interrupt=True,
    )
    assert status in (-signal.SIGINT, 130)
    assert err.count("\nKeyboardInterrupt") == 1


def test_a_forked_child_cannot_use_the_parents_executor() -> None:
    """E11: the child's copy is inert, says why, and does not disturb the parent at its exit."""
    status, out, err = run_script(
        """
        import os, sys, anypool
        ex = anypool.Executor("thread", 1)
        print(ex.submit(int, "1").result(), flush=True)
        pid = os.fork()
        if pid == 0:
            try:
                ex.submit(int)
            except RuntimeError as error:
                print("fork()" in str(error), flush=True)
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), ex.submit(int, "2").result())
        """
    )
    assert (status, out.split(), err) == (0, ["1", "True", "3", "2"], "")


def test_views_of_one_executor_end_together() -> None:
    """``options`` gives a view: shutting one down shuts all down, and the numbers go on."""
    ex = Executor("serial")
    view = ex.options(name="n")
    first, second = ex.submit(int), view.submit(int)
    assert (first.task_id, second.task_id, second.task_name) == (0, 1, "n")
    view.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        ex.submit(int)


def test_options_are_checked_when_they_are_given() -> None:
    """Bad input gets a clear error at once."""
    with Executor("serial") as ex:
        with pytest.raises(ValueError, match="positive"):
            ex.options(timeout=-1)
        with pytest.raises(TypeError, match="seconds"):
            ex.options(timeout="1")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="name"):
            ex.options(name=3)  # type: ignore[arg-type]
