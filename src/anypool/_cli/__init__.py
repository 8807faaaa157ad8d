"""The ``anypool`` command: reads the arguments and turns what cannot be done into one line and an exit status.

Status 0: done. 1: the backends disagree, or one failed. 2: the command line asks for something that is not there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from anypool import __version__

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"anypool: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments without the program's name; by default those of the process.

    Returns:
        The exit status.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "backends":
            return _backends()
        return _demo(arguments)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal shows ^C behind half a bar
        return 130  # 128 + SIGINT, as shells have it


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="anypool", description="One program, any pool.")
    parser.add_argument("--version", action="version", version=f"anypool {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="index a folder of Python sources on every backend and compare the answers",
        description="Index a folder of Python sources on every available backend. Exit status 1 if answers differ.",
    )
    demo.add_argument("--path", type=Path, metavar="DIR", help="the folder; by default this Python's standard library")
    demo.add_argument(
        "--backend", action="append", metavar="NAME", help="only this backend; may be given more than once"
    )
    demo.add_argument("--workers", type=_at_least_one, metavar="N", help="workers; by default the usable CPUs")
    commands.add_parser("backends", help="list the known backends, and how to install those that are missing")
    return parser


def _at_least_one(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def _demo(arguments: argparse.Namespace) -> int:
    from anypool._demo import DemoError, run_demo
    from anypool.errors import BackendUnavailable, UnknownBackend

    try:
        return run_demo(arguments.path, arguments.backend, arguments.workers)
    except (DemoError, UnknownBackend, BackendUnavailable) as error:
        print(f"anypool: {error}", file=sys.stderr)
        return 2


def _backends() -> int:
    from anypool._core.registry import backend_class, known_backends

    for name in known_backends():
        missing = backend_class(name).missing()
        print(f"{name:12}{'available' if missing is None else 'not installed: ' + missing}")
    return 0
