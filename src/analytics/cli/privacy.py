"""Commands that keep persons safe: keys create|rotate|status, audit verify|head, purge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption
from analytics.errors import KeyringError, ParameterError

if TYPE_CHECKING:
    from datetime import date

    from analytics.privacy.audit import Head
    from analytics.study import Study

_ROLE = "keeper"
PERSONS = "linkage/persons"


keys_app = typer.Typer(no_args_is_help=True, help="Make, renew and inspect a study's keys.")
audit_app = typer.Typer(no_args_is_help=True, help="Inspect a study's audit log.")


@keys_app.command("create")
def create(*, study: StudyOption = "") -> None:
    """
    Make a study's first key, outside the project; an existing one is never overwritten.

    Example: workbench keys create --study hubei-2020

    The folder is WORKBENCH_KEYS/<study>, else ~/.config/epidemic-workbench/keys/<study>.
    Back it up, apart from the project: without it nothing sealed can be read.
    """
    from analytics import study as studies
    from analytics.privacy import audit, keys

    chosen = studies.load(study)
    ring = keys.create(chosen.name)
    audit.record(_log(chosen), "keys.create", chosen.name, role=_ROLE)
    typer.echo(f"{ring.folder}  generation {ring.generation}, fingerprint {ring.fingerprint}")


@keys_app.command("rotate")
def rotate(
    *,
    study: StudyOption = "",
    without_crosswalk: Annotated[
        bool,
        typer.Option("--without-crosswalk", help="Even if old pseudonyms lose their persons."),
    ] = False,
) -> None:
    """
    Begin a new generation of keys, with a sealed crosswalk from the old pseudonyms.

    Example: workbench keys rotate --study hubei-2020

    Killed at any moment, the old or the new generation is in force, whole.
    """
    from analytics import study as studies
    from analytics.privacy import audit, crosswalk, keys, vault

    chosen = studies.load(study)
    ring, folder = keys.load(chosen.name), _vault(chosen)
    identifiers, documents, persons = None, None, 0
    if vault.holds(folder, PERSONS):
        table = vault.unseal_table(folder, PERSONS, ring)
        identifiers, documents = crosswalk.persons(table)
        persons = table.num_rows
    elif not without_crosswalk:
        raise KeyringError(
            f"the vault of study '{chosen.name}' holds no person table to build a crosswalk from",
            remedy="link persons first (`workbench link`), or, if nothing is pseudonymised yet, "
            "add --without-crosswalk",
        )
    counts = {"generation": ring.generation + 1, "persons": persons}
    audit.record(_log(chosen), "keys.rotate.begin", chosen.name, role=_ROLE, counts=counts)
    new = crosswalk.rotate(folder, ring, identifiers, documents)
    audit.record(_log(chosen), "keys.rotate", chosen.name, role=_ROLE, counts=counts)
    typer.echo(
        f"generation {new.generation}, fingerprint {new.fingerprint}, replaces {ring.fingerprint}"
    )


@keys_app.command("status")
def status(*, study: StudyOption = "") -> None:
    """
    Say where a study's keys are, which generation is in force and which days are sealed.

    Example: workbench keys status --study hubei-2020

    Keys themselves are never shown.
    """
    from analytics import study as studies
    from analytics.privacy import keys

    chosen = studies.load(study)
    ring = keys.load(chosen.name)
    held, gone = keys.periods(ring), keys.destroyed(ring)
    where = "operating system's keyring" if ring.in_os_keyring else str(ring.folder)
    typer.echo(f"study        {chosen.name}")
    typer.echo(f"root key     {where}")
    typer.echo(f"generation   {ring.generation}, since {ring.created.date()}")
    typer.echo(f"fingerprint  {ring.fingerprint}")
    typer.echo(f"sealed days  {len(held)}{_range(held)}")
    typer.echo(f"purged days  {len(gone)}{_range(tuple(each.period for each in gone))}")


@audit_app.command("verify")
def verify(
    *,
    study: StudyOption = "",
    manifests: Annotated[
        Path | None, typer.Option(help="Folder of manifests that anchor the log.", metavar="FOLDER")
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="A head noted before; may be repeated.", metavar="audit:N:DIGEST"),
    ] = None,
) -> None:
    """
    Check that no entry of the audit log was edited, deleted, reordered or cut.

    Example: workbench audit verify --study hubei-2020 --manifests reports/

    Without manifests or anchors a cut end cannot be told from an honest log.
    """
    from analytics import study as studies
    from analytics.privacy import audit

    chosen = studies.load(study)
    known = [_anchor(each) for each in anchor or []]
    if manifests is not None:
        known += audit.anchors(manifests)
    found = audit.verify(_log(chosen), known)
    typer.echo(f"{found.head.entries} entries, whole; {len(known)} anchors agree")
    if found.torn_bytes:
        typer.echo(
            f"after them stand {found.torn_bytes} bytes of an entry whose writer died; the next "
            "entry keeps them aside and says so"
        )
    if not known:
        typer.echo("no anchor was given: a cut end would not show")


@audit_app.command("head")
def head(*, study: StudyOption = "") -> None:
    """
    Print where the audit log stands, to note it elsewhere as an anchor.

    Example: workbench audit head --study hubei-2020
    """
    from analytics import study as studies
    from analytics.privacy import audit

    typer.echo(str(audit.head(_log(studies.load(study)))))


def purge(
    *,
    before: Annotated[str, typer.Option(metavar="DATE", help="First day that is kept.")],
    study: StudyOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """
    Destroy for good what came into the vault before a day, by destroying its keys.

    Example: workbench purge --before 2020-06-01 --study hubei-2020

    What the archive holds under pseudonyms stays; manifests then say "inputs purged on …".
    """
    from analytics import study as studies
    from analytics.privacy import audit, keys, retention

    chosen, first = studies.load(study), words.day(before)
    ring, folder = keys.load(chosen.name), _vault(chosen)
    old = [day for day in keys.periods(ring) if day < first]
    if old and not yes:
        typer.confirm(f"destroy the keys of {len(old)} days before {first} for good?", abort=True)
    what, counts = f"{chosen.name}/before-{first}", {"days": len(old)}
    audit.record(_log(chosen), "purge.begin", what, role=_ROLE, counts=counts)
    buried = retention.purge(folder, first, ring)
    counts["files"] = len(buried)
    audit.record(_log(chosen), "purge", what, role=_ROLE, counts=counts)
    typer.echo(f"{len(old)} days and {len(buried)} files before {first} are purged")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(keys_app, name="keys")
    app.add_typer(audit_app, name="audit")
    app.command()(purge)


def _log(study: Study) -> Path:
    return study.state / "audit.jsonl"


def _vault(study: Study) -> Path:
    return study.state / "vault"


def _anchor(said: str) -> Head:
    from analytics.privacy.audit import Head

    match = re.fullmatch(r"audit:(\d{1,12}):([0-9a-f]{64})", said)
    if match is None:
        raise ParameterError(
            f"'{said}' is no anchor", remedy="`workbench audit head` prints one: audit:12:9f…"
        )
    return Head(int(match[1]), match[2])


def _range(days: tuple[date, ...]) -> str:
    return f", {days[0]} to {days[-1]}" if days else ""
