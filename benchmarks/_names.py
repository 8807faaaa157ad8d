"""A command line argument that is a list of known names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

__all__ = ["names_of"]


def names_of(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    """Give a function that splits ``"a,b"`` and refuses what is not in ``known``."""

    def split(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return split
