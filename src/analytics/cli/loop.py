"""Commands of the loop: push, worklists list|export, receive, feedback show|approve, share."""

from __future__ import annotations

import getpass
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption
from analytics.errors import ParameterError

if TYPE_CHECKING:
    from analytics.study import Study

MomentOption = Annotated[
    str, typer.Option("--at", help="As known at this moment or by 24:00 of this day; now without.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(help="File, mode 0600, whose first line is the password; asked for without."),
]

OdkFile = Annotated[
    Path,
    typer.Option(
        help="pyodk's file, mode 0600: [central] base_url, username, password.",
        exists=True,
        dir_okay=False,
    ),
]
ProjectOption = Annotated[
    int | None, typer.Option(help="Project on the server; the file's default without.")
]
EntityListOption = Annotated[str, typer.Option(help="Entity list on the server.", metavar="NAME")]

worklists_app = typer.Typer(no_args_is_help=True, help="What teams have to check.")
odk_app = typer.Typer(no_args_is_help=True, help="Work lists through ODK Central.")
feedback_app = typer.Typer(no_args_is_help=True, help="How right the rules are, and what follows.")


def push(*, study: StudyOption = "", at: MomentOption = "", seed: int = 0) -> None:
    """
    Push what was found to the lists of the teams that check it.

    Example: workbench push --study hubei-2020

    Findings are rows that broke their contract, pairs linkage is not sure of, people in the latest
    screening, holders of red and yellow codes, stranded people without a bed, travellers out of
    areas under control, and whatever analyses put into <state>/findings as Parquet (FINDINGS in
    data/README.md), for duties that the study's roster has a team for. Exit codes: 11 unsound
    findings, 13 roster, 15 busy, 20 keys.
    """
    from analytics import study as studies
    from analytics.replay import daily

    chosen, moment = studies.load(study), words.moment(at)
    done = daily.push(chosen, _ring(chosen), moment, seed=seed)
    typer.echo(
        f"{done.findings} findings: {done.rows} rows pushed to {done.lists} lists "
        f"({done.sampled} drawn at random, {done.again} pushed again), {done.known} asked before, "
        f"{done.seconded} seconded, {done.waiting} waiting for room"
    )


@worklists_app.command("list")
def list_(
    *,
    study: StudyOption = "",
    at: MomentOption = "",
    county: Annotated[str, typer.Option(help="County or prefecture code.")] = "",
    team: Annotated[str, typer.Option(help="Team of the roster.")] = "",
    duty: Annotated[str, typer.Option(help="Duty of the roster.")] = "",
) -> None:
    """
    List the work lists and how far each has come.

    Example: workbench worklists list --county 420100
    """
    from analytics import study as studies
    from analytics.loop import worklists

    found = worklists.summary(
        studies.load(study), words.moment(at), county=county, team=team, duty=duty
    )
    columns = ("list", "version", "lines", "pushed", "verified", "outstanding", "returned",
               "overdue")  # fmt: skip
    typer.echo(f"{columns[0]:<28}" + "".join(f"{name:>12}" for name in columns[1:]))
    for row in found.to_pylist():
        typer.echo(f"{row['list']:<28}" + "".join(f"{row[name]:>12}" for name in columns[1:]))


@worklists_app.command("export")
def export(
    lists: Annotated[list[str] | None, typer.Argument(help="Lists; all open ones without.")] = None,
    *,
    study: StudyOption = "",
    at: MomentOption = "",
    county: Annotated[str, typer.Option(help="County or prefecture code.")] = "",
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("worklists"),
    form: Annotated[Literal["xlsx", "csv"], typer.Option(help="Kind of file.")] = "xlsx",
    password_file: PasswordFile = None,
) -> None:
    """
    Write lists as files for their teams, under a password where they name people.

    Example: workbench worklists export 420102.community.1 --output /tmp/lists

    Each export is in the audit log. Exit codes: 12 no such list, 20 keys or password, 23 age is
    not installed (CSV that names people).
    """
    from analytics import study as studies
    from analytics.loop import worklists

    chosen, moment = studies.load(study), words.moment(at)
    ring = _ring(chosen)
    names = lists or _open(worklists.summary(chosen, moment, county=county))
    password = _password(password_file, confirm=True) if names else ""

    def written(done: worklists.Exported) -> None:
        typer.echo(f"{done.path}  {done.lines} lines, {done.rows} rows")

    worklists.export(
        chosen, names, ring, moment, output, form=form, password=password, progress=written
    )


@odk_app.command("push")
def odk_push(
    lists: Annotated[list[str] | None, typer.Argument(help="Lists; all open ones without.")] = None,
    *,
    config: OdkFile,
    project: ProjectOption = None,
    entity_list: EntityListOption = "work_lines",
    study: StudyOption = "",
    at: MomentOption = "",
) -> None:
    """
    Give open lines to ODK Central, as entities that name nobody.

    Example: workbench worklists odk push 420102.community.1 --config ~/.odk/central.toml

    Who a line is about stands in the locked workbook alone; line and place are the same there.
    Exit codes: 12 no such list, 17 the server refuses, 20 keys or an open file, 23 pyodk is
    not installed.
    """
    from analytics import study as studies
    from analytics.loop import odk, worklists

    chosen, moment = studies.load(study), words.moment(at)
    ring = _ring(chosen)
    names = lists or _open(worklists.summary(chosen, moment))
    with odk.client(config, project) as server:
        for name in names:
            sent = odk.send(server, chosen, name, ring, moment, entity_list=entity_list)
            typer.echo(
                f"{name} v{sent.version}: {sent.added} lines added, {sent.kept} there before, "
                f"{sent.retired} of earlier versions taken off"
            )


@odk_app.command("pull")
def odk_pull(
    lists: Annotated[
        list[str] | None, typer.Argument(help="Lists; all pushed ones without.")
    ] = None,
    *,
    config: OdkFile,
    project: ProjectOption = None,
    entity_list: EntityListOption = "work_lines",
    study: StudyOption = "",
    at: MomentOption = "",
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("returned"),
) -> None:
    """
    Fetch answered lines from ODK Central as filled lists, for `workbench receive`.

    Example: workbench worklists odk pull --config ~/.odk/central.toml --output returned

    Exit codes: 17 the server refuses, 20 an open file, 23 pyodk is not installed.
    """
    from analytics import study as studies
    from analytics.loop import odk, worklists

    chosen, moment = studies.load(study), words.moment(at)
    names = lists or worklists.summary(chosen, moment)["list"].to_pylist()
    with odk.client(config, project) as server:
        for name in names:
            path, lines = odk.collect(server, name, output, entity_list=entity_list)
            typer.echo(f"{path}  {lines} lines answered: workbench receive {path}")


@odk_app.command("form")
def odk_form(
    *,
    entity_list: EntityListOption = "work_lines",
    study: StudyOption = "",
    questions: Annotated[int, typer.Option(help="Verdicts a line can need.", min=1, max=9)] = 3,
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("work_lines.form.xlsx"),
) -> None:
    """
    Write the form that teams answer lines with, as XLSForm to upload to ODK Central.

    Example: workbench worklists odk form --output work_lines.form.xlsx
    """
    from analytics import study as studies
    from analytics.loop import odk, worklists

    chosen = studies.load(study)
    content = odk.form(entity_list, chosen.title.zh, worklists.counties(chosen), questions)
    output.write_bytes(content)
    typer.echo(f"{output}")


def receive(
    files: Annotated[list[Path], typer.Argument(help="Filled lists.", exists=True, dir_okay=False)],
    *,
    study: StudyOption = "",
    at: MomentOption = "",
    team: Annotated[str, typer.Option(help="List of the team that hands them in.")] = "",
    password_file: PasswordFile = None,
) -> None:
    """
    Take in filled lists.

    Example: workbench receive 420102.community.1.v1.xlsx

    What is not sound is set aside with its reason, as rows of the sheet; nothing personal is
    printed. Exit codes: 25 if a file is refused or lines were set aside (all others are taken in
    first), 15 busy, 20 keys.
    """
    from analytics import study as studies
    from analytics.errors import VerificationError
    from analytics.loop import verification
    from analytics.privacy import passwords

    chosen, moment = studies.load(study), words.moment(at)
    ring = _ring(chosen)
    protected = any(passwords.locked(path.read_bytes()[:64]) for path in files)
    password = _password(password_file) if protected else ""
    breaches: list[str] = []
    balance: dict[str, int] = {}
    every = verification.receive(chosen, files, ring, moment, password=password, team=team)
    for path, done in zip(files, every, strict=True):
        if isinstance(done, VerificationError):
            breaches += [f"{path.name}: {why}" for why in (done.what, *done.breaches)]
            continue
        balance = done.balance
        typer.echo(
            f"{path.name}: {done.lines} lines, {done.answers} answers added, {done.repeated} "
            f"known before, {done.empty} left empty, {done.stale} stale, "
            f"{len({row for row, _, _ in done.aside})} set aside"
        )
        breaches += _aside(path.name, done.aside)
    if balance:
        typer.echo(
            f"pushed {balance['pushed']} = verified {balance['verified']} + outstanding "
            f"{balance['outstanding']} + returned {balance['returned']}"
        )
    if breaches:
        raise VerificationError(
            "not everything could be taken in:",
            breaches,
            "rows set aside stay open; correct them and hand them in again",
        )


def _aside(name: str, aside: tuple[tuple[int, str, str], ...]) -> list[str]:
    from analytics.loop.verification import REASONS

    rows: dict[tuple[str, str], list[int]] = {}
    for row, column, reason in aside:
        rows.setdefault((column, reason), []).append(row)
    return [
        f"{name}: {column}: {REASONS[reason]} ({len(places)} rows: "
        f"{', '.join(map(str, places[:5]))}{', …' if len(places) > 5 else ''})"  # noqa: PLR2004
        for (column, reason), places in sorted(rows.items())
    ]


@feedback_app.command("show")
def show(
    *,
    study: StudyOption = "",
    at: MomentOption = "",
    by: Annotated[
        str, typer.Option(help="Columns: rule, list, department, county, date, with commas.")
    ] = "rule",
) -> None:
    """
    Show how right rules are, what they miss, and which thresholds the answers suggest.

    Example: workbench feedback show --by rule,county
    """
    from analytics import study as studies
    from analytics.loop import feedback, ledger, thresholds

    chosen, moment = studies.load(study), words.moment(at)
    outcomes = feedback.outcomes(*ledger.known(chosen, moment))
    names = [name.strip() for name in by.split(",") if name.strip()]
    unknown = sorted(set(names) - set(outcomes.column_names))
    if unknown:
        raise ParameterError("precision cannot be shown by these", unknown)
    typer.echo(feedback.precision(outcomes, names).round(3).to_string(index=False))
    typer.echo("")
    typer.echo(feedback.recall(outcomes).round(3).to_string(index=False))
    for one in thresholds.proposals(chosen, outcomes):
        said = f"stays at {one.current:g} ({one.reason})"
        if not one.reason:
            said = f"{one.current:g} → {one.proposed:g}, loss {one.loss_current:.4g} → "
            said += f"{one.loss_proposed:.4g}: `workbench feedback approve {one.rule} --to "
            said += f"{one.proposed:g}`"
        typer.echo(f"\n{one.rule}: {said}; {one.answers} answers, {one.confirmed} confirmed")


@feedback_app.command("approve")
def approve(
    rule: Annotated[str, typer.Argument(help="Rule whose threshold changes.")],
    *,
    to: Annotated[float, typer.Option(help="The value that `feedback show` proposed.")],
    study: StudyOption = "",
    at: MomentOption = "",
) -> None:
    """
    Put a proposed threshold in force, in your name.

    Example: workbench feedback approve linkage --to 0.61

    Exit codes: 12 something else, or nothing, is proposed; 22 the change log was edited.
    """
    from analytics import study as studies
    from analytics.loop import feedback, ledger, thresholds

    chosen, moment = studies.load(study), words.moment(at)
    outcomes = feedback.outcomes(*ledger.known(chosen, moment))
    entry = thresholds.approve(chosen, outcomes, rule, to, moment)
    typer.echo(f"{rule}: {entry['from']:g} → {entry['to']:g}, approved by {entry['actor']}")


def share(
    recipient: Annotated[str, typer.Argument(help="One recipient; all without.")] = "",
    *,
    study: StudyOption = "",
    at: MomentOption = "",
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("shared"),
    early: Annotated[bool, typer.Option("--early", help="Before the time node too.")] = False,
) -> None:
    """
    Give each recipient of the study what it is entitled to, signed.

    Example: workbench share --study hubei-2020 --output /srv/shared

    Exit codes: 12 no such recipient, 19 a figure may not leave, 20 keys.
    """
    from analytics import study as studies
    from analytics.loop import sharing

    chosen, moment = studies.load(study), words.moment(at)
    ring = _ring(chosen)
    for done in sharing.share(chosen, ring, moment, output, only=recipient, early=early):
        files = ", ".join(f"{name} {rows}" for name, rows in done.files.items())
        typer.echo(f"{done.folder}  {files}")
    for name, node in sharing.overdue(chosen, moment, output):
        typer.echo(f"{name}: overdue since {node:%Y-%m-%d %H:%M}")
    typer.echo(f"public key {sharing.public_key(ring)}")


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(push)
    worklists_app.add_typer(odk_app, name="odk")
    app.add_typer(worklists_app, name="worklists")
    app.command()(receive)
    app.add_typer(feedback_app, name="feedback")
    app.command()(share)


def _ring(chosen: Study) -> Any:
    from analytics.privacy import keys

    return keys.load(chosen.name)


def _open(summary: Any) -> list[str]:
    """Name the lists of a summary in which something is open."""
    return [row["list"] for row in summary.to_pylist() if row["outstanding"]]


def _password(file: Path | None, *, confirm: bool = False) -> str:
    """Ask for a password, or read it from a private file; never from arguments or environment."""
    from analytics.privacy import passwords

    if file is not None:
        return passwords.from_file(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it would be shown while typed
        try:
            said = typer.prompt(
                "password of the lists", hide_input=True, confirmation_prompt=confirm
            )
        except getpass.GetPassWarning:
            raise ParameterError(
                "there is no terminal to ask for the password on",
                remedy="give a private file with --password-file",
            ) from None
    return str(said)
