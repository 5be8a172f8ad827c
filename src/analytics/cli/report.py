"""Commands that make reports, publish them and open the workbench: report, publish, check, lab."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import words
from analytics.cli.words import StudyOption
from analytics.errors import ParameterError, WorkbenchError
from analytics.render.blocks import LANGUAGES, Language

ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the report."),
]
SecondsOption = Annotated[
    int, typer.Option(min=1, metavar="SECONDS", help="Longest time of a notebook cell.")
]
MemoryOption = Annotated[
    int,
    typer.Option(
        min=0, metavar="MB", help="Most memory of a kernel; 0: nine tenths of the machine's."
    ),
]
PageOption = Annotated[
    Path | None,
    typer.Option(metavar="PAGE", help="Make nothing; hold a page against its manifest."),
]


def report(  # noqa: PLR0913 - one per option
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Reports; all if none is named.")
    ] = None,
    *,
    study: StudyOption = "",
    as_of: Annotated[
        str,
        typer.Option(
            metavar="DATE[,DATE]", help="Known by 24:00 of this day; default: the study's own."
        ),
    ] = "",
    lang: Annotated[str, typer.Option(help="Languages, separated by commas.")] = "zh,en",
    output: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"),
    parameter: ParameterOption = None,
    each: Annotated[
        bool, typer.Option("--each-county", help="A page for every county of the study.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Make it even if up to date.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print each page to A4, too.")] = False,
    jobs: Annotated[
        int, typer.Option(min=0, help="Reports made at once; 0: one more than cores.")
    ] = 0,
    cell_timeout: SecondsOption = 1800,
    memory: MemoryOption = 0,
    verify: PageOption = None,
) -> None:
    """
    Make reports: run their notebooks and publish a page per language.

    Example: workbench report risk_grading --as-of 2020-02-29 --lang zh,en -p window_days=14

    Example: workbench report county_risk --each-county

    A report that has nothing new to say is left as it is. A run that fails leaves the last
    good pages untouched and its own record, marked as failed, beside them.
    """
    if verify is not None:
        _verify(verify)
        return
    from analytics.reporting import printing, run

    entries = _entries(parameter or []) | ({"study": study} if study else {})
    days = [day.strip() for day in (as_of or entries.pop("as_of", "")).split(",")]
    how = partial(run.orders, languages=_languages(lang), output=output, again=again,
                  cell_timeout=cell_timeout, memory=memory)  # fmt: skip
    chosen = _each_county(names, entries) if each else [entries]
    wanted = [order for one in chosen for order in how(names or [], one, days)]
    if pdf:
        printing.browser()
    failures: list[WorkbenchError] = []
    for outcome in run.make_all(wanted, workers=jobs or run.default_workers()):
        try:
            if outcome.error is not None:
                raise outcome.error
            made = f"made in {outcome.seconds:.1f} s"
            for page in outcome.pages:
                words.tell(page, "up to date, nothing to do" if outcome.fresh else made)
                if pdf:
                    words.tell(printing.bring(page), "printed")
        except WorkbenchError as error:
            failures.append(error)
            typer.echo(f"{type(error).__name__} (exit {error.exit_code}): {error}", err=True)
    if len(failures) < len(wanted):
        typer.echo(f"{output / 'index.html'}  lists all reports")
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _each_county(names: list[str] | None, entries: dict[str, str]) -> list[dict[str, str]]:
    """Entries once for every county of the study."""
    from analytics import study as studies
    from analytics.pool.areas import areas

    if names != ["county_risk"]:
        raise ParameterError(
            "a page for every county is made of report 'county_risk' alone",
            remedy="workbench report county_risk --each-county",
        )
    known = areas(studies.load(entries.get("study", "")))
    return [entries | {"county": code} for code in sorted(known["adcode"])]


def _verify(page: Path) -> None:
    from analytics.reporting import provenance

    for found in provenance.verify(page):
        typer.echo(f"{found.standing:8}{found.part}: {found.said}")


def check() -> None:
    """
    Say what is installed, what is missing and what to do about it.

    Example: workbench check
    """
    from analytics.reporting import readiness

    found = readiness.inspect()
    for item in found:
        typer.echo(f"{'ok     ' if item.ready else 'missing'}  {item.part}: {item.state}")
        if not item.ready:
            typer.echo(f"         → {item.remedy}")
    if any(item.needed and not item.ready for item in found):
        readiness.refuse(found)


def lab(
    *,
    study: Annotated[str, typer.Option(help="Study to work on; default: hubei-2020.")] = "",
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8888,
    lang: Annotated[str, typer.Option(help="Of JupyterLab's menus: zh or en.")] = "en",
) -> None:
    """
    Open JupyterLab on the notebooks, with the study chosen and the kernel ready.

    Example: workbench lab --study hubei-2020 --no-browser

    It listens on this machine only and asks for the token that it prints.
    """
    from analytics.reporting import laboratory

    (language,) = _languages(lang)[:1]
    laboratory.start(study, browser=browser, port=port, language=language)


def publish(
    store: Annotated[str, typer.Argument(metavar="STORE", help="s3://…, sftp://…, file:///…")],
    *,
    folder: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"),
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="For the store's driver.")
    ] = None,
) -> None:
    """
    Copy the pages to a store: an object store, SFTP, WebDAV, another folder.

    Example: workbench publish s3://province-reports/epidemic --option endpoint_url=https://…

    Sends what changed, pages before the lists that name them, and reads each file back.
    Credentials come from the environment, as the store's driver documents. Exit codes: 12 no
    report there or no such store, 23 no driver, 16 the store refuses.
    """
    from analytics.reporting import stores

    done = stores.send(folder, store, options=_entries(option or []), progress=typer.echo)
    typer.echo(
        f"{done.files} files sent ({done.size / 1e6:.1f} MB), {done.unchanged} unchanged: {store}"
    )


def mount(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (report, check, lab, publish):
        app.command()(command)


def _entries(given: list[str]) -> dict[str, str]:
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise ParameterError(
            "a parameter is given as NAME=VALUE:",
            [f"'{each}' has no '='" for each in wrong],
            "for example: -p window_days=14",
        )
    pairs = [each.split("=", 1) for each in given]
    return {name.strip(): value for name, value in pairs}


def _languages(lang: str) -> tuple[Language, ...]:
    asked = [part.strip() for part in lang.split(",") if part.strip()]
    unknown = [each for each in asked if each not in LANGUAGES]
    if unknown or not asked:
        raise ParameterError(
            f"languages '{lang}' cannot be used:",
            [f"'{each}' is not a language of the reports" for each in unknown],
            f"there are: {', '.join(LANGUAGES)}",
        )
    return tuple(language for language in LANGUAGES if language in asked)
