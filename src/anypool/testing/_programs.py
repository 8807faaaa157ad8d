"""E3: an unguarded program works, however Python is given it."""

from __future__ import annotations

import pytest

from anypool.testing import _run
from anypool.testing._base import BackendSuite

__all__ = ["Programs"]


class Programs(BackendSuite):
    """E3 and E15 with functions and classes of ``__main__``."""

    @pytest.mark.parametrize("how", ["file", "-c", "-"])
    def test_unguarded_program(self, how: str) -> None:
        """E3, E15: lambdas, closures, classes and globals of ``__main__`` go out and come back as what they were."""
        ended = _run.finish("program.py", self.backend, _run.settings(self.settings), how=how)
        assert (ended.stdout, ended.stderr, ended.returncode) == ("all is well\n", "", 0)

    @pytest.mark.parametrize("how", ["file", "-c", "-"])
    def test_program_without_an_executor(self, how: str) -> None:
        """X3: a textbook program runs with its import line changed, on ``ANYPOOL_BACKEND`` and by ``get_context``."""
        environment = {"ANYPOOL_BACKEND": self.backend}
        ended = _run.finish("textbook.py", self.backend, how=how, environment=environment)
        assert (ended.stdout, ended.stderr, ended.returncode) == ("all is well\n", "", 0)
