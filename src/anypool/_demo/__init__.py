"""The demonstration: one program that indexes source files, run unchanged on every backend, and a table of the runs.

``_index`` is the program and knows executors only; ``_scan`` and ``_progress`` are what it runs elsewhere; ``_table``
picks the backends and compares the answers.
"""

from anypool._demo._files import DemoError
from anypool._demo._table import run_demo

__all__ = ["DemoError", "run_demo"]
