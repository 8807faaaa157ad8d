"""Tells ``multiprocessing``, if this process ever imports it, whose child it is: name, authkey, parent, tracker.

Without the parent's authkey a manager's proxy given to a task could not connect. Importing the package in each worker
for that alone would double its boot time, so an import hook waits for it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing itself is a tenth of the boot time
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["install", "set_tracker"]

_record: dict[str, Any] = {}


def install(record: dict[str, Any]) -> None:
    """Adopt what the boot record says, now or when the modules are imported."""
    _record.update({key: record[key] for key in ("name", "authkey", "parent", "lifeline", "tracker")})
    for name, adopt in _ADOPT.items():
        if name in sys.modules:  # a .pth file or sitecustomize imported it
            adopt(sys.modules[name])
    sys.meta_path.insert(0, _Hook())


def set_tracker(descriptor: int) -> None:
    """Make the parent's resource tracker, which it has started only now, this process's own."""
    _record["tracker"] = descriptor
    module = sys.modules.get("multiprocessing.resource_tracker")
    if module is not None:
        _adopt_tracker(module)


def _adopt_process(module: Any) -> None:
    current = module.current_process()
    current._name = _record["name"]
    current.authkey = _record["authkey"]
    module._parent_process = module._ParentProcess(*_record["parent"], _record["lifeline"])


def _adopt_tracker(module: Any) -> None:
    # A tracker of this process's own would unlink every shared memory block that a task had attached to as soon as
    # this process ends (python/cpython#82300).
    if _record["tracker"] is not None and module._resource_tracker._fd is None:
        module._resource_tracker._fd = _record["tracker"]


_ADOPT: dict[str, Callable[[Any], None]] = {
    "multiprocessing.process": _adopt_process,
    "multiprocessing.resource_tracker": _adopt_tracker,
}


class _Hook:
    """A finder that finds nothing itself: it only adds a step to the loading of those two modules."""

    def __init__(self) -> None:
        self._waiting = dict(_ADOPT)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        adopt = self._waiting.pop(name, None)
        if adopt is None:
            return None
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                adopt(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one module's loader
        return spec
