"""Settings of single tasks, given by ``ex.options(…)`` so that they never fight with the user's own keywords (E1)."""

from __future__ import annotations

import dataclasses
import math

__all__ = ["Options"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What ``ex.options`` takes.

    Attributes:
        name: what errors call the task; by default the function's qualified name.
        timeout: seconds that a task may run, counted from its start; then it is stopped (E7).
        kill_on_cancel: ``future.cancel()`` stops a running task too (E8).
    """

    name: str | None = None
    timeout: float | None = None
    kill_on_cancel: bool = False

    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise TypeError(f"options(name=…) takes a str, not {type(self.name).__name__}")
        if self.timeout is not None:
            if isinstance(self.timeout, bool) or not isinstance(self.timeout, (int, float)):
                raise TypeError(f"options(timeout=…) takes seconds as a number, not {type(self.timeout).__name__}")
            if not self.timeout > 0 or math.isinf(self.timeout):
                raise ValueError(f"options(timeout={self.timeout!r}): must be a positive, finite number of seconds")
