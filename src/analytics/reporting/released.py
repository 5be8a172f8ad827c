"""Counts for a page: what the disclosure gate lets out, and nothing where it lets nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analytics.errors import DisclosureError
from analytics.privacy.release import TableSpec, ledger_of, release

if TYPE_CHECKING:
    from analytics.study import Study


def let_out(
    study: Study, counted: pd.DataFrame, spec: TableSpec
) -> tuple[pd.DataFrame, dict[str, str]]:
    """
    Let counts out as far as they may leave.

    Parameters
    ----------
    study : Study
        Whose ledger of releases is asked.
    counted : pandas.DataFrame
        Leaf cells, as `release` takes them.
    spec : TableSpec

    Returns
    -------
    pandas.DataFrame
        Labels of the dimensions that were let out, and the measure, missing where hidden; without
        rows and columns if not even the coarsest table may leave: a page says so and goes on.
    dict of str to str
        The sentence to print beside it, ``zh`` and ``en``.
    """
    try:
        found = release(counted, spec, ledger_of(study.state))
    except DisclosureError:
        return pd.DataFrame(), {
            "zh": "为保护个人，这些数字不便公布。",
            "en": "To protect persons, these figures may not be shown.",
        }
    hidden = found.table["hidden"].astype(bool)
    shown = found.table.assign(**{spec.measure: found.table[spec.measure].where(~hidden)})
    return shown.drop(columns="hidden"), dict(found.statement)
