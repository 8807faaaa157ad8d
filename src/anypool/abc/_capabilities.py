"""What a backend can and cannot do, said once, frozen, and asserted by the conformance suite."""

from __future__ import annotations

import dataclasses

__all__ = ["Capabilities"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """A backend's own word on which parts of the contract it can keep.

    A field that is False means that asking for it raises ``Unsupported`` at once; the suite asserts exactly that.

    Attributes:
        concurrent: tasks can run at the same time (False on ``serial``, which runs each inside ``submit``).
        processes: workers are operating-system processes of their own, so values are always copied (E4) and a
            crash stays in its worker (E6).
        isolate: ``isolate=True`` is accepted: values are copied by pickling even inside one process (E4).
        kill_running: a running task can be stopped: ``options(timeout=…)``, ``options(kill_on_cancel=True)`` and
            ``Future.kill()`` (E7, E8).
        recycle: workers can be replaced after some tasks: ``max_tasks_per_child`` (E16).
    """

    concurrent: bool
    processes: bool
    isolate: bool
    kill_running: bool
    recycle: bool = False
