"""Commands of studies: study new, study list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words

group = typer.Typer(no_args_is_help=True, help="Studies under data/.")


@group.command(name="list")
def list_studies() -> None:
    """
    List the studies here.

    Example: workbench study list
    """
    from analytics import study as studies

    for name in studies.names():
        each = studies.load(name)
        typer.echo(f"{name}  {each.nature}  {each.first_date} to {each.last_date}  {each.title.en}")


@group.command()
def new(  # noqa: PLR0913 - one per option
    name: Annotated[str, typer.Argument(help="Name of the study and its folder.")],
    region: Annotated[str, typer.Argument(help="GB/T 2260 code of the province, as 440000.")],
    *,
    title_zh: Annotated[str, typer.Option(help="Title in Chinese.")],
    title_en: Annotated[str, typer.Option(help="Title in English.")],
    first: Annotated[str, typer.Option(help="First day.", metavar="DATE")],
    last: Annotated[str, typer.Option(help="Last day, and as-of day at first.", metavar="DATE")],
    series: Annotated[
        Path | None, typer.Option(help="Cumulative counts as published, CSV.", exists=True)
    ] = None,
    population: Annotated[
        Path | None, typer.Option(help="Residents: CSV with adcode, pop_2020.", exists=True)
    ] = None,
    publisher: Annotated[str, typer.Option(help="Who published the series.")] = "",
    where: Annotated[str, typer.Option(help="Address of the series.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the series.")] = "unverified",
) -> None:
    """
    Found a study of another province, from its boundaries and what it published.

    Example: workbench study new guangdong-2020 440000 --title-zh 广东省2020年新冠肺炎疫情
    --title-en "COVID-19 in Guangdong, 2020" --first 2020-01-20 --last 2020-04-30
    --series guangdong.csv --publisher "Health Commission of Guangdong"

    Then look through its files, and run `workbench report risk_grading --study NAME`.
    """
    from analytics import study as studies
    from analytics.reporting import founding

    made = founding.found(
        name,
        region,
        studies.Title(zh=title_zh, en=title_en),
        (words.day(first), words.day(last)),
        series=series,
        population=population,
        sources=founding.Sources(publisher, where, licence) if publisher else None,
    )
    typer.echo(f"{made.folder}: {made.prefectures} prefectures, {made.counties} counties")
    if len(made.corrections):
        for kind, count in made.corrections["kind"].value_counts(sort=False).items():
            typer.echo(f"  {count} × {kind}")
        typer.echo("every correction is in repairs.csv, with its reason and evidence")
    typer.echo("look regions.csv, study.toml and sources.toml through before the first report")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(group, name="study")
