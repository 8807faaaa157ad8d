"""The demonstration's task: read one file, say what is in it, add to what all tasks share. Runs in the workers."""

from __future__ import annotations

import ast
import os
import warnings
from typing import Any, NamedTuple

__all__ = ["Facts", "Finding", "Shared", "scan"]

#: Files with a line of more characters than this, and lines with one of these words, are worth a finding.
_LONG = 120
_MARKS = ("TODO", "FIXME", "XXX")

# Old sources have escapes that newer Pythons warn of. The filter is for our parse alone, known by the name that it
# gives the source, and it is set once: warnings.catch_warnings is not safe where tasks are threads.
_SOURCE = "<anypool demo>"
warnings.filterwarnings("ignore", module=_SOURCE)


class Facts(NamedTuple):
    """What one file says.

    Attributes:
        name: the file, relative to the folder that is indexed.
        words: how many words it has.
        longest: how many characters its longest line has.
        line: the number of that line, from 1; 0 in an empty file.
        imports: the top-level modules that it imports, sorted.
        findings: how many findings the task has put in the queue.
    """

    name: str
    words: int
    longest: int
    line: int
    imports: tuple[str, ...]
    findings: int


class Finding(NamedTuple):
    """Something worth a look: in which file, on which line (0 for the whole file), and what."""

    name: str
    line: int
    what: str


class Shared(NamedTuple):
    """What all tasks share.

    Attributes:
        total: a file with the number of words so far. Nothing but the lock keeps two tasks from reading the same
            number and losing one of the two sums.
        lock: guards the total.
        findings: a queue of ``Finding``.
        stop: an event; once it is set, tasks that have not started do nothing.
    """

    total: str
    lock: Any
    findings: Any
    stop: Any


def scan(name: str, *, root: str, shared: Shared) -> Facts | None:
    """Index the file ``name`` under ``root``; ``None`` if the event to stop came first."""
    if shared.stop.is_set():
        return None
    facts, findings = _look(name, os.path.join(root, name))
    for finding in findings:
        shared.findings.put(finding)
    with shared.lock:
        _add(shared.total, facts.words)
    return facts


def _look(name: str, path: str) -> tuple[Facts, list[Finding]]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return Facts(name, 0, 0, 0, (), 1), [Finding(name, 0, f"cannot be read: {error.strerror}")]
    findings = []
    text = data.decode("utf-8", "replace")
    longest, line = 0, 0
    for number, content in enumerate(text.splitlines(), 1):
        if len(content) > longest:
            longest, line = len(content), number
        if any(mark in content for mark in _MARKS):
            findings.append(Finding(name, number, content.strip()[:_LONG]))
    if longest > _LONG:
        findings.append(Finding(name, line, f"a line of {longest} characters"))
    try:
        imports = _imports(data)
    except SyntaxError as error:
        imports = ()
        findings.append(Finding(name, error.lineno or 0, f"does not parse: {error.msg}"))
    except (ValueError, RecursionError, MemoryError) as error:
        # Null bytes before Python 3.12; expressions nested too deeply for the parser.
        imports = ()
        findings.append(Finding(name, 0, f"does not parse: {type(error).__name__}"))
    return Facts(name, len(text.split()), longest, line, imports, len(findings)), findings


def _imports(data: bytes) -> tuple[str, ...]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(data, filename=_SOURCE)):
        if isinstance(node, ast.Import):
            modules.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            modules.add(node.module.partition(".")[0])
    return tuple(sorted(modules))


def _add(path: str, words: int) -> None:
    with open(path, "r+", encoding="ascii") as file:
        total = int(file.read())
        file.seek(0)
        file.write(str(total + words))  # sums only grow, so nothing of the old number is left behind the new
