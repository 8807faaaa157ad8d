"""Starts the suite's programs in sessions of their own, so that a Ctrl-C for them is not one for pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["PROGRAMS", "finish", "settings", "start"]

PROGRAMS = Path(__file__).with_name("_scripts")


@contextmanager
def start(
    program: str | Path, *arguments: str, how: str = "file", environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program; when the block is left it is killed, if it still runs.

    Args:
        program: a file name among ``PROGRAMS``, or a path.
        *arguments: its arguments.
        how: ``"file"``, ``"-c"`` or ``"-"``: how Python is given the program.
        environment: variables that it has in addition.
    """
    path = PROGRAMS / program
    text = path.read_text()
    given = {"file": [str(path)], "-c": ["-c", text], "-": ["-"]}[how]
    process = subprocess.Popen(
        # Warnings are errors, in workers as well; a program that ends well must not print anything to stderr.
        [sys.executable, "-W", "error", *given, *arguments],
        stdin=subprocess.PIPE if how == "-" else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        if how == "-" and process.stdin is not None:
            process.stdin.write(text)
            process.stdin.close()
            process.stdin = None  # communicate() would flush it
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


def finish(
    program: str | Path,
    *arguments: str,
    how: str = "file",
    timeout: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Raises ``subprocess.TimeoutExpired`` if that takes longer than ``timeout`` seconds."""
    with start(program, *arguments, how=how, environment=environment) as process:
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def settings(given: Mapping[str, Any]) -> str:
    """Write an executor's settings as the programs read them."""
    return json.dumps(dict(given))
