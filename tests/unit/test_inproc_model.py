"""Every in-process primitive against its plain model, with three processes acting, on threads and in turns."""

from __future__ import annotations

import pytest

from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from tests.unit.primitive_models import MACHINES, check

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("primitive", sorted(MACHINES))
def test_a_primitive_does_what_its_model_does(primitive: str, kind: str) -> None:
    """P2 P4: whoever acts, and in whatever order."""
    check(InprocContext(kind, KINDS[kind]), primitive)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("primitive", ["Pipe", "Queue"])
def test_so_it_does_where_values_are_copied(primitive: str, kind: str) -> None:
    """E4: under isolate, too."""
    check(InprocContext(kind, KINDS[kind], isolate=True), primitive)
