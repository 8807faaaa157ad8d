"""Every public name says what it is: ruff does not look into modules whose names start with an underscore."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

import anypool
import anypool.abc

CONTRACTS = {name: getattr(anypool.abc, name) for name in anypool.abc.__all__}
# ``anypool.Process`` is another class for each default backend, and asking for it opens that backend's context.
PUBLIC = {**{name: getattr(anypool, name) for name in anypool.__all__ if name != "Process"}, **CONTRACTS}


def own_members(cls: type) -> Iterator[tuple[str, object]]:
    """Give the public functions and properties that the class itself defines."""
    for name, value in vars(cls).items():
        if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
            yield name, value


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_name_has_a_docstring(name: str) -> None:
    """The name itself has one."""
    if callable(PUBLIC[name]):
        assert inspect.getdoc(PUBLIC[name]), f"{name} has no docstring"


@pytest.mark.parametrize("name", sorted(name for name, value in PUBLIC.items() if inspect.isclass(value)))
def test_public_methods_have_docstrings(name: str) -> None:
    """So do its public methods and properties; one that overrides may leave it to what it overrides."""
    cls = PUBLIC[name]
    missing = [member for member, _ in own_members(cls) if not inspect.getdoc(getattr(cls, member))]
    assert missing == []
