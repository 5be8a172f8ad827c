"""Commands on health codes: codes rules, codes count, codes verify."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption

codes_app = typer.Typer(no_args_is_help=True, help="Health codes: rules, counts, verification.")


@codes_app.command("rules")
def rules(*, study: StudyOption = "") -> None:
    """
    List the rules of the health code in the order they are tried, with their sources.

    Example: workbench codes rules --study hubei-2020
    """
    from analytics import study as studies
    from analytics.loop import thresholds

    read = thresholds.code_rules(studies.load(study), datetime.now(studies.ZONE))
    typer.echo(f"a fever is {read.fever_since[-1][1] if read.fever_since else read.fever:g} °C")
    for rule in read.ordered:
        until = f" to {rule.last}" if rule.last else ""
        typer.echo(f"{rule.code:7}{rule.id} {rule.version}, from {rule.first}{until}")
        typer.echo(f"       {rule.because.zh} / {rule.because.en}\n       {rule.source}")
    typer.echo(f"fingerprint {read.fingerprint}")


@codes_app.command("count")
def count(
    *,
    study: StudyOption = "",
    as_of: Annotated[str, typer.Option(metavar="DATE", help="Known by 24:00 of it.")] = "",
) -> None:
    """
    Count codes by prefecture, as far as the counts may leave.

    Example: workbench codes count --study hubei-2020-simulated --as-of 2020-02-29
    """
    from analytics import study as studies
    from analytics.loop import thresholds
    from analytics.pool.areas import areas
    from analytics.reporting import records

    chosen = studies.load(study)
    moment = studies.moment(words.day(as_of) if as_of else chosen.as_of)
    found = records.codes_by_prefecture(
        chosen,
        thresholds.code_rules(chosen, moment),
        moment,
        sorted(set(areas(chosen)["prefecture"])),
    )
    if found is None:
        typer.echo(f"study '{chosen.name}' holds no linked records of persons: no codes")
        return
    for row in found.table.to_dict("records"):
        shown = "hidden" if row["hidden"] else row["persons"]
        typer.echo(f"{row[found.by]:10} {row['code']:7} {shown}")
    typer.echo(found.statement["en"])


@codes_app.command("verify")
def verify(
    text: Annotated[str, typer.Argument(help="What the QR code holds.")],
    *,
    key: Annotated[list[Path], typer.Option(help="Trusted public key, PEM; may be repeated.")],
) -> None:
    """
    Verify a code's token without any server; exit code 25 if it is forged, changed or expired.

    Example: workbench codes verify "EWB1:..." --key hubei.pem
    """
    from datetime import UTC

    from analytics.analysis.health_code import certificate
    from analytics.methods import tokens

    trusted = tokens.trusted(path.read_bytes() for path in key)
    verdict = certificate.verify(text, trusted, datetime.now(UTC))
    typer.echo(f"{verdict.words['zh']}\n{verdict.words['en']}")
    typer.echo(f"issuer {verdict.issuer}, rule {verdict.rule}, version {verdict.version}")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(codes_app, name="codes")
