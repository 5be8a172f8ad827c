"""Python's search for cycles of dead objects, put off where it would find none."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """
    Put off the search for cycles: among many small values that live on it finds none.

    A search goes through all that the process holds, a tenth of a second once the libraries are
    loaded, and the making of many values brings one on.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
