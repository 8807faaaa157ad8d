"""Every primitive of this machine against its plain model, with three real processes acting."""

from __future__ import annotations

import pytest

from anypool._sync.local import LocalContext
from tests.unit.primitive_models import MACHINES, check


@pytest.mark.parametrize("backend", ["process", "loky"])
@pytest.mark.parametrize("primitive", sorted(MACHINES))
def test_a_primitive_does_what_its_model_does(primitive: str, backend: str) -> None:
    """P2 P4: whoever acts, and in whatever order."""
    context = LocalContext(backend)
    try:
        check(context, primitive)
    finally:
        context.close()
