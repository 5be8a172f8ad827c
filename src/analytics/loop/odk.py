"""
Work lists through ODK Central: lines as entities that field teams answer on their phones.

A line goes to a server as it is sealed, but names nobody: who is meant stands in the locked
workbook alone. Answers come back as a filled list, by the one way that every list comes back.
"""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from analytics.errors import ParameterError, SetupError, SourceError
from analytics.loop import sheets, wording, worklists
from analytics.loop.sheets import ANSWERS, LOCKED_END
from analytics.privacy import disk, passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from analytics.loop.sheets import Sheet
    from analytics.privacy.keys import Ring
    from analytics.study import Study

_PAGE: Final = 1000  # entities asked for at a time
_KEY: Final = ("list", "list_version", "line")


@dataclass(frozen=True)
class Sent:
    """
    What a server was given of a list.

    Parameters
    ----------
    list : str
    version : int
    added, kept, retired : int
        Entities new on the server, there before, and taken off it: lines of earlier versions
        that nobody had answered.
    """

    list: str
    version: int
    added: int
    kept: int
    retired: int


def client(configuration: Path, project: int | None = None) -> Any:
    """
    Open a client of a server.

    Parameters
    ----------
    configuration : Path
        pyodk's own file (``[central]``: base_url, username, password), readable by its owner
        alone.
    project : int, optional
        Project on the server; the file's default without.

    Returns
    -------
    pyodk.client.Client
        The token of its session is kept in memory only.

    Raises
    ------
    SetupError
        If pyodk is not installed.
    KeyringError
        If others can read the file.
    SourceError
        If the server refuses the account.
    ParameterError
        If it is no such file, or the server's address is neither https nor this machine.
    """
    try:
        from pyodk._utils import config
        from pyodk._utils.session import Session
        from pyodk.client import Client
        from pyodk.errors import PyODKError
    except ImportError as error:
        raise SetupError(
            "lists cannot go to ODK Central: pyodk is not installed",
            remedy="pip install 'epidemic-workbench[odk]'",
        ) from error
    passwords.check_private(configuration)
    try:
        said = tomllib.loads(configuration.read_text(encoding="utf-8"))
        central = config.CentralConfig(**said["central"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, PyODKError):
        raise ParameterError(
            f"'{configuration.name}' does not configure pyodk",
            remedy="write [central] with base_url, username, password and default_project_id",
        ) from None
    address = urlsplit(central.base_url)
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ParameterError(
            "the server's address is not https", remedy="lines travel under encryption alone"
        )
    session = Session(central.base_url, "v1", central.username, central.password)
    server = Client(project_id=project, session=session, config=config.Config(central))
    with _asking("the account"):
        return server.open()


def send(
    server: Any, study: Study, name: str, ring: Ring, moment: datetime, *, entity_list: str
) -> Sent:
    """
    Give a server the open lines of a work list.

    Parameters
    ----------
    server : pyodk.client.Client
    study : Study
    name : str
        The work list.
    ring : keys.Ring
        Seals the lines.
    moment : datetime
        As known then.
    entity_list : str
        Entity list on the server; made there if it is missing.

    Returns
    -------
    Sent
        The same call again adds nothing. It is in the audit log, by duty.

    Raises
    ------
    ParameterError
        If there is no such list, or nothing in it is open.
    SourceError
        If the server refuses.
    """
    ((sheet, lines, _),) = worklists.lay_out(study, [name], ring, moment, naming=False)
    version = sheet.version
    given = [entity(sheet, values) for values in sheet.lines]
    worklists.log(study, name, lines, named=False)
    with _asking(f"what was asked of entity list '{entity_list}'"):
        _prepare(server, entity_list, sheet)
        held = _held(server, entity_list, name)
        known = {_key(each) for each in held}
        fresh = [one for one in given if _key(one) not in known]
        if fresh:
            server.entities.create_many(
                fresh, entity_list_name=entity_list, create_source=f"{name}.v{version}"
            )
        old = [each for each in held
               if str(each["list_version"]) != str(version) and not _answered(each)]  # fmt: skip
        for each in old:
            server.entities.delete(each["__id"], entity_list_name=entity_list)
    return Sent(name, version, len(fresh), len(given) - len(fresh), len(old))


def collect(server: Any, name: str, folder: Path, *, entity_list: str) -> tuple[Path, int]:
    """
    Fetch what was answered of a list, as a filled list.

    Parameters
    ----------
    server : pyodk.client.Client
    name : str
        The work list.
    folder : Path
        Where to write ``<list>.odk.csv``.
    entity_list : str
        Entity list on the server.

    Returns
    -------
    Path, int
        The file, for :func:`verification.receive`, and the answered lines in it. Fetched again
        it holds the same answers, which then change nothing.

    Raises
    ------
    SourceError
        If the server refuses, or the entity list is none of ours.
    """
    with _asking(f"what was asked of entity list '{entity_list}'"):
        said = [each for each in _held(server, entity_list, name) if _answered(each)]
    verdicts = sorted({column for each in said for column in each if sheets.is_verdict(column)})
    columns = (*worklists.UNNAMED, *(verdicts or ["verdict_1"]), *ANSWERS, *LOCKED_END)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([sheets.heading(column) for column in columns])
    for each in said:
        writer.writerow([sheets.inert(str(each.get(column) or "")) for column in columns])
    path = folder / f"{name}.odk.csv"
    disk.make_private(folder)
    disk.replace(path, stream.getvalue().encode("utf-8-sig"))
    return path, len(said)


def entity(sheet: Sheet, values: tuple[str, ...]) -> dict[str, str]:
    """One line as an entity: its label, and every sealed value."""
    line = dict(zip(sheet.columns, values, strict=True))
    return {"label": f"{line['place']} · {line['due']} · P{line['priority']}", **line}


def form(entity_list: str, title: str, counties: tuple[str, ...], questions: int) -> bytes:
    """
    Write the form that answers lines, as an XLSForm for the server.

    Parameters
    ----------
    entity_list : str
        Entity list on the server.
    title : str
    counties : tuple of str
        Where people can have moved: ``420102 江岸区``.
    questions : int
        Verdicts that a line can need.

    Returns
    -------
    bytes
        XLSX with the sheets survey, choices, settings and entities: a line is chosen, its
        reason and what to check are shown, and the answer is kept with the line.

    References
    ----------
    XLSForm standard; ODK XForms specification, entities (update from a form).
    """
    import xlsxwriter

    chosen = f"instance('{entity_list}')/root/item[name=${{work_line}}]"
    survey: list[tuple[str, ...]] = [
        ("type", "name", "label", "required", "calculation", "relevant", "constraint", "save_to"),
        (f"select_one_from_file {entity_list}.csv", "work_line", "行 Line", "yes"),
        ("calculate", "asked", "", "", f"{chosen}/reason"),
        ("calculate", "todo", "", "", f"{chosen}/check"),
        ("calculate", "many", "", "", f"count-selected(translate({chosen}/rows, ';', ' '))"),
        ("note", "shown", "${asked}\n\n${todo}"),
    ]
    for number in range(1, questions + 1):
        here = "" if number == 1 else f"${{many}} >= {number}"
        survey.append(
            ("select_one verdicts", f"answer_{number}", f"结论{number} Verdict {number}", "yes", "",
             here, "", f"verdict_{number}")
        )  # fmt: skip
    moved = " or ".join(f"${{answer_{n}}} = 'moved'" for n in range(1, questions + 1))
    survey += [
        ("date", "day", "核查日期 Day of the check", "yes", "", "", ". <= today()", "verified"),
        ("select_one evidence", "ground", "依据 Evidence", "", "", "", "", "evidence"),
        ("select_one counties", "to_county", "转往 Moved to", "yes", "", moved, "", "moved_to"),
        ("text", "remarks", "备注 Remark", "", "", "", "", "remark"),
    ]
    choices = [("list_name", "name", "label")]
    for name, words in (("verdicts", wording.VERDICTS), ("evidence", wording.EVIDENCE)):
        choices += [(name, word, f"{zh} {word}") for word, zh in words.items()]
    choices += [("counties", each.split()[0], each) for each in counties]
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        for sheet, rows in (
            ("survey", survey),
            ("choices", choices),
            ("settings", [("form_title", "form_id"), (title, f"{entity_list}_answers")]),
            ("entities", [("list_name", "entity_id"), (entity_list, "${work_line}")]),
        ):
            page = book.add_worksheet(sheet)
            for place, row in enumerate(rows):
                for column, value in enumerate(row):
                    page.write_string(place, column, value)
    return stream.getvalue()


def _prepare(server: Any, entity_list: str, sheet: Sheet) -> None:
    """Make the entity list and its properties, as far as they are missing."""
    there = {each.name: each for each in server.entity_lists.list()}
    if entity_list not in there:
        server.entity_lists.create(entity_list_name=entity_list)
    properties = server.entity_lists.get(entity_list_name=entity_list).properties or []
    known = {each.name for each in properties}
    for column in (*sheet.columns, *sheet.free):
        if column not in known:
            server.entity_lists.add_property(column, entity_list_name=entity_list)


def _held(server: Any, entity_list: str, name: str) -> list[dict[str, Any]]:
    """Entities of one work list, page by page."""
    found: list[dict[str, Any]] = []
    skipped = 0
    while True:
        page = server.entities.get_table(entity_list_name=entity_list, skip=skipped, top=_PAGE)
        found += [each for each in page["value"] if each.get("list") == name]
        skipped += _PAGE
        if len(page["value"]) < _PAGE:
            return found


def _key(each: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(each[column]) for column in _KEY)


def _answered(each: dict[str, Any]) -> bool:
    verdicts = (column for column in each if sheets.is_verdict(column))
    return any(each.get(column) for column in (*verdicts, *ANSWERS))


@contextlib.contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn what a server refuses into an error of the house, and repeat nothing it said."""
    import requests
    from pyodk.errors import PyODKError

    log = logging.getLogger("pyodk")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except (PyODKError, requests.RequestException) as error:
        response = error.args[-1] if error.args else None
        status = getattr(response, "status_code", type(error).__name__)
        raise SourceError(
            f"ODK Central refused {what}",
            [f"status {status}"],
            "check address, account and project in pyodk's file, and the account's rights",
        ) from None
    finally:
        log.setLevel(level)
