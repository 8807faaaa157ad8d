"""The demonstration's program on small folders: the answer is right, and the same on every backend."""

from __future__ import annotations

import io
import sys
import sysconfig
from pathlib import Path

import pytest

from anypool import Executor
from anypool._demo import _table, run_demo
from anypool._demo._files import DemoError, find_sources, standard_library
from anypool._demo._index import Answer, index
from anypool._demo._progress import Progress, draw

# The demonstration's own filter, set when it is imported, is not there any more: pytest resets filters for each test.
pytestmark = pytest.mark.filterwarnings("ignore:::<anypool demo>")

BACKENDS = ["serial", "thread", "process", "loky"]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with one file of each kind."""
    (tmp_path / "a.py").write_text("import os.path, sys\nfrom json import loads\nfrom . import b\n", encoding="utf-8")
    (tmp_path / "b.py").write_text("def f():\n    import os\n" + "x = '" + "y" * 300 + "'\n", encoding="utf-8")
    (tmp_path / "bad.py").write_text("print 'old'\n", encoding="utf-8")
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    (tmp_path / "binary.py").write_bytes(b"\xff\x00\xfe")
    (tmp_path / "escape.py").write_text("x = '\\d'\n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.py").write_text("import os  # TODO: more\n", encoding="utf-8")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    for skipped in ("site-packages", "__pycache__", ".hidden"):
        (tmp_path / skipped).mkdir()
        (tmp_path / skipped / "no.py").write_text("import no\n", encoding="utf-8")
    return tmp_path


def answer(backend: str, root: Path) -> Answer:
    """Index a folder with two workers."""
    with Executor(backend, 2) as ex:
        return index(ex, root, find_sources(root))


def test_find_sources_skips_what_is_installed(sources: Path) -> None:
    """Names are relative, sorted, and none comes from a folder of installed or hidden things."""
    assert find_sources(sources) == [
        "a.py",
        "b.py",
        "bad.py",
        "binary.py",
        "empty.py",
        "escape.py",
        "gone.py",
        "sub/c.py",
    ]


def test_find_sources_wants_a_folder(tmp_path: Path) -> None:
    """No folder and no source are errors of one line."""
    with pytest.raises(DemoError, match="no such folder"):
        find_sources(tmp_path / "nowhere")
    with pytest.raises(DemoError, match="no Python sources"):
        find_sources(tmp_path)


def test_standard_library_is_the_running_one() -> None:
    """By default the demonstration reads the library of the Python that runs it."""
    assert standard_library() == Path(sysconfig.get_path("stdlib"))
    assert "json/__init__.py" in find_sources(standard_library())


def test_answer_is_right(sources: Path) -> None:
    """Words, longest lines, imports and findings are those that one counts by hand."""
    found = answer("serial", sources)
    by_name = {facts.name: facts for facts in found.facts}
    assert by_name["a.py"][1:5] == (11, 22, 2, ("json", "os", "sys"))
    assert by_name["empty.py"][1:5] == (0, 0, 0, ())
    assert by_name["b.py"].longest == 306
    assert found.longest.name == "b.py"
    assert found.imported == {"os": 3, "json": 1, "sys": 1}
    assert found.words == sum(facts.words for facts in found.facts)
    assert [(finding.name, finding.what.partition(":")[0]) for finding in found.findings] == [
        ("b.py", "a line of 306 characters"),
        ("bad.py", "does not parse"),
        ("binary.py", "does not parse"),
        ("gone.py", "cannot be read"),
        ("sub/c.py", "import os  # TODO"),
    ]


def test_answer_is_the_same_on_all_backends(sources: Path) -> None:
    """One program, one answer."""
    first = answer("serial", sources)
    for backend in BACKENDS[1:]:
        assert answer(backend, sources) == first, backend


def test_answer_depends_on_the_sources(sources: Path) -> None:
    """The digest is of the content, not a constant."""
    before = answer("serial", sources).digest
    (sources / "sub" / "c.py").write_text("import re\n", encoding="utf-8")
    assert answer("serial", sources).digest != before


def test_different_answers_are_status_1(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backend that answers otherwise is found out."""

    def wrong(ex: Executor, root: Path, names: list[str], title: str | None) -> Answer:
        found = index(ex, root, names, title)
        return found if ex.backend == "serial" else found._replace(digest="0" * 64)

    monkeypatch.setattr(_table, "index", wrong)
    assert run_demo(sources, ["serial", "thread"], 1) == 1
    assert "the answers differ" in capsys.readouterr().err


def test_failing_backend_is_status_1_and_the_others_go_on(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row says what went wrong; the other rows are there."""

    def failing(ex: Executor, root: Path, names: list[str], title: str | None) -> Answer:
        if ex.backend == "serial":
            raise OSError("no more of this")
        return index(ex, root, names, title)

    monkeypatch.setattr(_table, "index", failing)
    assert run_demo(sources, ["serial", "thread"], 1) == 1
    printed = capsys.readouterr()
    assert "serial   failed: OSError: no more of this" in printed.out
    assert "\nthread " in printed.out
    assert "Traceback" in printed.err


class _Pipe:
    """Stands for the process's end of the pipe."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.drawn: list[int] = []

    def recv(self) -> int:
        if not self.numbers:
            raise EOFError
        return self.numbers.pop(0)

    def send(self, number: int) -> None:
        self.drawn.append(number)


class _Flag:
    def __init__(self, pipe: _Pipe, last: int) -> None:
        self.pipe, self.last = pipe, last

    def is_set(self) -> bool:
        return len(self.pipe.numbers) <= self.last


def test_bar_grows_and_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar shows the share that is done, and leaves an empty line when the event is set."""
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    pipe = _Pipe([8, 16, 32])
    draw(pipe, _Flag(pipe, 0), 32, "title")
    frames = terminal.getvalue().split("\r\x1b[K")
    assert frames[1] == "title [########........................] 8/32"
    assert frames[-1] == ""
    assert pipe.drawn == [8, 16, 32]


def test_bar_ends_with_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the program is gone, so is the process that draws for it."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    draw(_Pipe([1]), _Flag(_Pipe([]), -1), 2, "title")


def test_without_a_terminal_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages go to and fro all the same."""
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    pipe = _Pipe([1, 2])
    draw(pipe, _Flag(pipe, 0), 2, None)
    assert terminal.getvalue() == ""
    assert pipe.drawn == [1, 2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_progress_process_ends(backend: str) -> None:
    """The process that draws is told to stop, ends well, and has seen the last number."""
    with Executor(backend, 1) as ex:
        progress = Progress(ex, ex.Event(), 10, None)
        with progress:
            for done in range(10):
                progress.update(done)
        assert progress._process.exitcode == 0


@pytest.mark.parametrize("backend", ["process", "loky"])
def test_work_survives_the_death_of_its_picture(backend: str) -> None:
    """Somebody kills the process that draws; updates go nowhere and nothing hangs."""
    with Executor(backend, 1) as ex, Progress(ex, ex.Event(), 10, None) as progress:
        progress._process.kill()
        progress._process.join()
        progress._tell()
        assert not progress._alive
