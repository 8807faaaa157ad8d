"""The suite itself: contracts are put together from families, and none may hide another's tests."""

from __future__ import annotations

import pytest

from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


@pytest.mark.parametrize("contract", [ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract])
def test_no_family_hides_another(contract: type) -> None:
    """Two tests of one name in one contract would be one test."""
    homes: dict[str, list[str]] = {}
    for family in contract.__mro__:
        for name in vars(family):
            if name.startswith("test_"):
                homes.setdefault(name, []).append(family.__name__)
    assert homes
    assert {name: families for name, families in homes.items() if len(families) > 1} == {}
