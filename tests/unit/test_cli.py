"""The command line: what it prints where, and its exit statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import anypool
from anypool._cli import main


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with a few sources."""
    for number in range(3):
        (tmp_path / f"m{number}.py").write_text(f"import os\nx = {number}\n", encoding="utf-8")
    return tmp_path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` prints the package's version."""
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"anypool {anypool.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--path", "/no/such/folder"], "/no/such/folder"),
        (["demo", "--backend", "no-such-thing"], "no-such-thing"),
        (["demo", "--workers", "0"], "'0' is not a whole number above 0"),
        (["demo", "--workers", "two"], "'two'"),
        (["no-such-command"], "no-such-command"),
        ([], "COMMAND"),
        (["demo", "--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not there is named in one line on standard error, with status 2 and nothing else printed."""
    try:
        status: object = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.startswith("anypool: ")
    assert printed.err.count("\n") == 1


def test_folder_without_sources_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder is no success."""
    assert main(["demo", "--path", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"anypool: no Python sources in {tmp_path}\n"


def test_file_instead_of_a_folder_is_status_2(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--path`` takes folders."""
    assert main(["demo", "--path", str(sources / "m0.py")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_demo_on_one_backend(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--backend`` runs that one alone; without serial there is no speed to compare with."""
    assert main(["demo", "--path", str(sources), "--backend", "thread", "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "thread" in out
    assert "serial  " not in out.partition("workers\n")[2]
    assert "imported most often: os (3)" in out


def test_alias_is_the_backend_that_it_stands_for(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``dummy`` is ``thread``, and asking for both runs it once."""
    assert main(["demo", "--path", str(sources), "--backend", "dummy", "--backend", "thread"]) == 0
    assert capsys.readouterr().out.count("\nthread ") == 1


def test_backends_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each known backend."""
    assert main(["backends"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == anypool.known_backends()


def test_module_is_the_command(sources: Path) -> None:
    """``python -m anypool`` works as ``anypool`` does, on processes too, whose parents' main module it then is."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "anypool", "demo", "--path", str(sources), "--backend", "process"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("process ") == 1
