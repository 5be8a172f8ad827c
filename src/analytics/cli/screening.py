"""Command that screens a study's people: screen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption

if TYPE_CHECKING:
    import pandas as pd

    from analytics.study import Study


def screen(
    *,
    study: StudyOption = "",
    as_of: Annotated[
        str, typer.Option("--as-of", help="Known by 24:00 of this day.", metavar="DATE")
    ] = "",
    memory: Annotated[int, typer.Option(help="Memory of the engine [MB].", min=256)] = 4096,
) -> None:
    """
    Put every linked person into one category of management, with the trace of why.

    Example: workbench screen --study hubei-2020-simulated --as-of 2020-02-22

    Reads linked records in the role of an epidemiologist for the purpose screening. Persons,
    trace, contact graph and clusters are sealed in the vault under screening/<as-of>/…;
    only totals are printed, cells of fewer than ten persons hidden.
    """
    from analytics import study as studies
    from analytics.privacy import keys
    from analytics.replay import daily

    chosen = studies.load(study)
    day = words.day(as_of) if as_of else chosen.as_of
    found = daily.screen(chosen, keys.load(chosen.name), day, memory=memory)
    counts = {name: held.num_rows for name, held in found.items()}
    typer.echo(
        f"{counts['persons']} persons screened as of {day.isoformat()}; {counts['trace']} pieces "
        f"of evidence; {counts['clusters']} clusters"
    )
    _say_totals(chosen, daily.totals(found["persons"]).to_pandas(), day)
    _say_indicators(found["indicators"])


def _say_totals(study: Study, totals: pd.DataFrame, day: date) -> None:
    """Print persons by category as far as they may leave."""
    from analytics.analysis import screening
    from analytics.privacy import release

    categories = tuple(name for name in screening.CATEGORIES if name != "none")
    spec = release.TableSpec(
        name="screening by category",
        population="screened",
        measure="persons",
        dimensions=(release.Dimension.flat("category", categories),),
        as_of=day,
        stock=True,
    )
    table = totals.groupby("category")[["persons"]].sum().reset_index()
    shown = release.release(table, spec, release.ledger_of(study.state))
    for row in shown.table.to_dict("records"):
        number = "hidden" if row["hidden"] else f"{int(row['persons']):,}"
        typer.echo(f"  {row['category']:15}{number:>10}")


def _say_indicators(rows: Any) -> None:
    """Print indicators with their denominators; of few, none."""
    least = 10
    for row in rows.to_pylist():
        whole, part = row["denominator"], row["numerator"]
        few = whole < least or 0 < part < least or 0 < whole - part < least
        share = "hidden" if few else f"{part / whole:.1%}"
        typer.echo(f"  {row['indicator'].replace('_', ' '):28}{share:>8}")


def mount(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(screen)
