"""The demonstration's program. It gets an executor and has no word about what kind of workers are behind it."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from anypool._demo._progress import Progress
from anypool._demo._scan import Facts, Finding, Shared, scan

if TYPE_CHECKING:
    from anypool import Executor

__all__ = ["Answer", "index"]


class Answer(NamedTuple):
    """The index.

    Attributes:
        words: how many words all files have, as the tasks counted them in the shared total.
        facts: what each file says, in the order of the names.
        findings: what the tasks put in the queue, sorted.
        imported: in how many files each module is imported.
        digest: SHA-256 of all of it.
    """

    words: int
    facts: list[Facts]
    findings: list[Finding]
    imported: Counter[str]
    digest: str

    @property
    def longest(self) -> Facts:
        """The file with the longest line."""
        return max(self.facts, key=lambda facts: facts.longest)


def index(ex: Executor, root: Path, names: Sequence[str], title: str | None = None) -> Answer:
    """Index the files ``names`` under ``root``.

    Args:
        ex: runs the tasks and makes all that they share.
        root: the folder.
        names: the files in it.
        title: of the progress bar; ``None`` for no bar.
    """
    with tempfile.TemporaryDirectory(prefix="anypool-demo-") as folder:
        total = Path(folder, "total")
        total.write_text("0", encoding="ascii")
        shared = Shared(str(total), ex.Lock(), ex.Queue(), ex.Event())
        facts: list[Facts] = []
        with Progress(ex, shared.stop, len(names), title) as progress:
            for seen in ex.map(functools.partial(scan, root=str(root), shared=shared), names):
                if seen is not None:
                    facts.append(seen)
                progress.update(len(facts))
        # What a task has put is there once its result is, so nothing has to be waited for.
        findings: list[Finding] = [shared.findings.get(timeout=30) for _ in range(sum(one.findings for one in facts))]
        words = int(total.read_text(encoding="ascii"))
    summed = sum(one.words for one in facts)
    if words != summed:
        raise RuntimeError(f"the shared total is {words}, the files have {summed} words: the lock did not hold")
    findings.sort()
    imported = Counter(module for one in facts for module in one.imports)
    return Answer(words, facts, findings, imported, _digest(words, facts, findings, imported))


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
