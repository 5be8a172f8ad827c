"""
Papermill's engine of report runs: the record is written once a cell.

Papermill writes the whole record when a cell starts and again when it ends; a page's figures in
it, that took as long as a third of its cells. What the start of the next cell writes holds the
end of this one, and the end of the run writes all.
"""

from __future__ import annotations

from typing import Any, Final

from papermill.engines import NBClientEngine, papermill_engines

NAME: Final = "workbench"


class RecordOnceACell(NBClientEngine):  # type: ignore[misc] # Papermill is untyped
    """Papermill's own engine, which does not write the record when a cell has ended."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
        """Run all cells; `nb_man` keeps the record."""
        ended = nb_man.cell_complete

        def end(*cell: Any, **more: Any) -> None:
            nb_man.save = _not_now
            try:
                ended(*cell, **more)
            finally:
                del nb_man.save

        nb_man.cell_complete = end
        return super().execute_managed_notebook(nb_man, kernel_name, **settings)


def _not_now(**_: Any) -> None:
    """Leave the record as it is."""


papermill_engines.register(NAME, RecordOnceACell)
