"""The benchmark harness measures what it says and writes it down; no test looks at how fast anything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks._runner import Result
from benchmarks._subjects import SUBJECTS
from benchmarks._workloads import WORKLOADS
from benchmarks.primitives.__main__ import main as primitives
from benchmarks.primitives._workloads import WORKLOADS as PRIMITIVES


def test_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All workloads run on a pool of threads and on anypool's serial, and the JSON has all times."""
    file = tmp_path / "result.json"
    assert main(["--subjects", "serial,futures-thread", "--scale", "0.001", "--rounds", "2", "--json", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert len(written["results"]) == 2 * len(WORKLOADS)
    assert all(len(one["seconds"]) == 2 and min(one["seconds"]) > 0 for one in written["results"])
    assert {"when", "machine", "versions", "settings"} <= set(written)
    out = capsys.readouterr().out
    assert all(f"\n{name}: " in out for name in WORKLOADS)


def test_small_run_of_primitives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of the primitives' workloads run, and the JSON has all times and says what one of each is."""
    file = tmp_path / "result.json"
    assert primitives(["--subjects", "thread,serial", "--scale", "0.001", "--rounds", "2", "--json", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert {one["workload"] for one in written["results"]} == set(PRIMITIVES)
    assert all(len(one["seconds"]) == 2 and one["unit"] for one in written["results"])
    out = capsys.readouterr().out
    assert all(f"\n{name}: " in out for name in PRIMITIVES)


def test_unknown_subject_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists those that exist."""
    with pytest.raises(SystemExit):
        main(["--subjects", "nothing"])
    printed = capsys.readouterr().err
    assert all(name in printed for name in SUBJECTS)


def test_spread_is_the_interquartile_range() -> None:
    """An outlier does not move it."""
    assert Result("map", "serial", 1, [1.0, 2.0, 3.0, 4.0, 1000.0], []).spread == 2.0
    assert Result("map", "serial", 1, [1.0], []).spread == 0.0
