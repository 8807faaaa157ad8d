"""The loky backend: workers from loky, with the fidelity that loky itself lacks.

A bare loky executor is broken as a whole by one death, cannot cancel what it has queued, and cannot stop a task. Here
each worker has a loky executor of its own, a *lane*, behind a queue of ours::

    loky.py --> _loky_lanes (pool, its thread) --> _loky_lane_dispatch (state) --> _loky_lane (one executor, one worker)
                                                        worker: _loky_worker --outcomes--> _loky_lane_journal
"""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from anypool.abc import Backend, Capabilities, PoolSpec, WorkerPool

if TYPE_CHECKING:
    from anypool.abc import Context

__all__ = ["LokyBackend"]


@dataclasses.dataclass(frozen=True)
class LokyBackend(Backend):
    """Processes that `loky <https://loky.readthedocs.io>`_ starts.

    loky's resource tracker, a small process that it shares with everything else that uses loky, stays until the
    interpreter ends. loky's own recycling of workers that have grown (where psutil is installed) is switched off in
    these workers. On Python 3.12, which starts no threads any more once the program has ended, work that is pending at
    exit is finished by the workers that are up by then.
    """

    name: ClassVar[str] = "loky"
    capabilities: ClassVar[Capabilities] = Capabilities(
        concurrent=True, processes=True, isolate=True, kill_running=True, recycle=True
    )

    @classmethod
    def missing(cls) -> str | None:
        """Give the install line if loky is not here."""
        return None if find_spec("loky") is not None else 'pip install "loky>=3.5"'

    def open(self, spec: PoolSpec) -> WorkerPool:
        """Make a pool; its workers start as batches come."""
        from anypool._backends._loky_lanes import LokyPool

        return LokyPool(spec)

    def context(self, *, isolate: bool = False) -> Context:
        """Open a family of primitives of this machine."""
        from anypool._sync.local import LocalContext

        return LocalContext("loky")
