"""Every Python example of the documentation runs on every local backend, as a reader would run it: from a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
BACKENDS = ["serial", "thread", "process", "loky"]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])

_FENCE = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_INCLUDED = re.compile(r'^ *--8<-- "([^"]+)"', re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    """Give every fenced Python block that is written out in a page, with its place."""
    found = []
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(page.read_text(encoding="utf-8")), 1):
            if not _INCLUDED.match(match[2]):
                found.append((f"{page.relative_to(ROOT)}:{number}", match[2]))
    return found


def run(path: Path, backend: str) -> str:
    """Run a program and give what it printed; its standard error must stay empty."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env={**os.environ, "ANYPOOL_BACKEND": backend},
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example(path: Path, backend: str) -> None:
    """An example runs without a warning, and prints what the page says that it prints, whatever the backend."""
    printed = run(path, backend)
    expected = path.with_suffix(".txt")
    if expected.exists():
        assert printed == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("place", "code"), blocks(), ids=[place for place, _ in blocks()])
def test_block(place: str, code: str, backend: str, tmp_path: Path) -> None:
    """A program that is written out in a page runs too."""
    program = tmp_path / "program.py"
    program.write_text(code, encoding="utf-8")
    run(program, backend)


def test_readme_shows_the_home_page_example() -> None:
    """The README cannot include files, so its program is a copy; copies must not drift."""
    assert (EXAMPLES / "readme.py").read_text(encoding="utf-8") in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_example_is_shown() -> None:
    """No example lies about that no page includes."""
    included = {name for page in PAGES for name in _INCLUDED.findall(page.read_text(encoding="utf-8"))}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} - included == set()
