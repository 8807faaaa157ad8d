"""The textbook chapter's programs. ``test_examples`` runs them on every backend; here they meet the original.

A textbook is written for ``multiprocessing``. So each program must print the same when only its import line is changed
back, and must not know which backend it runs on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import anypool

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TEXTBOOK = sorted(EXAMPLES.glob("textbook_*.py"))
IMPORT = "import anypool as mp\n"
#: Forked, as the textbooks' programs are: they have no guard around what must not run a second time.
ORIGINAL = "import multiprocessing\n\nmp = multiprocessing.get_context('fork')\n"
#: What they show has no counterpart: ``isolate``, and a backend chosen by its name.
OURS_ALONE = {"textbook_copy", "textbook_dummy"}


def test_the_chapter_shows_what_every_textbook_does() -> None:
    """Process as a function, many, a subclass, Queue, Pipe, Lock, dummy; and more in short."""
    topics = {path.stem.removeprefix("textbook_") for path in TEXTBOOK}
    assert topics >= {"process", "many", "class", "queue", "pipe", "lock", "dummy"}
    assert topics >= {"value", "condition", "barrier", "joinable", "pool", "manager"}


@pytest.mark.parametrize("path", TEXTBOOK, ids=lambda path: path.stem)
def test_program_is_as_a_textbook_would_write_it(path: Path) -> None:
    """It says what it prints, names no backend, and has no guard."""
    program = path.read_text(encoding="utf-8")
    assert path.with_suffix(".txt").exists()
    assert "__main__" not in program
    assert not [name for name in anypool.known_backends() if f'"{name}"' in program]
    assert (IMPORT in program) == (path.stem not in OURS_ALONE)


@pytest.mark.parametrize("path", [path for path in TEXTBOOK if path.stem not in OURS_ALONE], ids=lambda path: path.stem)
def test_multiprocessing_prints_the_same(path: Path, tmp_path: Path) -> None:
    """With only the import line changed, the standard library does what we do."""
    program = tmp_path / path.name
    program.write_text(path.read_text(encoding="utf-8").replace(IMPORT, ORIGINAL), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env={name: value for name, value in os.environ.items() if name != "ANYPOOL_BACKEND"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == path.with_suffix(".txt").read_text(encoding="utf-8")
