"""
Sharing: what each recipient of the study is entitled to, packed, signed and logged.

Counts leave through disclosure control. A county's own people leave under a key of the
recipient's own, so that two recipients cannot lay their files side by side. Beside each file
stands what its columns mean, and over all of them a signature.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa

from analytics.errors import ParameterError, StudyError, VerificationError
from analytics.loop import feedback, ledger
from analytics.privacy import audit, disk, keys, pseudonyms
from analytics.study import ZONE

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.privacy.keys import Ring
    from analytics.study import Recipient, Study

ROLE = "publisher"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MEANINGS: Final[Mapping[str, tuple[str, str, str]]] = {
    "county": (
        "县",
        "county code, GB/T 2260; prefecture or province in the rows of sums; + for itself",
        "",
    ),
    "status": ("状态", "what came of the question; total in the rows of sums", ""),
    "questions": ("问题数", "questions pushed; empty where hidden", "questions"),
    "hidden": ("隐去", "whether the figure is hidden to protect people", ""),
    "rule": ("规则", "rule that found it", ""),
    "rule_version": ("规则版本", "version of the rule", ""),
    "pushed": ("已推送", "questions pushed", "questions"),
    "verified": ("已核实", "questions confirmed or refuted", "questions"),
    "precision": ("准确率", "share of the verified that were confirmed", "1"),
    "low": ("下限", "lower end of the 95 % interval", "1"),
    "high": ("上限", "upper end of the 95 % interval", "1"),
    "delivery_row": ("行", "your delivery, and the position of the row in it", ""),
    "reason_zh": ("原因", "why, in Chinese", ""),
    "reason_en": ("原因（英文）", "why, in English", ""),
    "person": ("人员", "pseudonym of the person under your own key", ""),
    "asks": ("问题", "what was asked", ""),
    "duty": ("职责", "duty that checked it", ""),
    "date": ("推送日期", "day it was pushed", ""),
    "answered": ("核查日期", "day of the latest check", ""),
}


@dataclass(frozen=True)
class Shared:
    """
    What a recipient got.

    Parameters
    ----------
    recipient : str
    folder : Path
    files : dict of str to int
        Rows by file.
    """

    recipient: str
    folder: Path
    files: dict[str, int]


def due(recipient: Recipient, day: date) -> datetime | None:
    """Time node of a recipient on a day; None if nothing is due that day."""
    if recipient.every == "week" and day.weekday() != recipient.weekday:
        return None
    return datetime.combine(day, recipient.due, tzinfo=ZONE)


def share(
    study: Study, ring: Ring, moment: datetime, folder: Path, *, only: str = "", early: bool = False
) -> list[Shared]:
    """
    Write what is due to each recipient.

    Parameters
    ----------
    study : Study
        Its recipients and what they are entitled to.
    ring : keys.Ring
        Pseudonyms and the signature come from it.
    moment : datetime
        As known then; a recipient whose time node has not come yet is left out.
    folder : Path
        ``<folder>/<recipient>/<date>/`` is written, whole or not at all file by file.
    only : str
        One recipient; empty for all.
    early : bool
        Do not wait for the time node.

    Returns
    -------
    list of Shared
        The same again on the same day writes the same files and logs it.

    Raises
    ------
    ParameterError
        If there is no such recipient.
    StudyError
        If recipients have one name.
    """
    local = moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)
    names = [recipient.name for recipient in study.recipients]
    if len(set(names)) < len(names):
        raise StudyError(f"recipients of study '{study.name}' share a name")
    if only and only not in names:
        raise ParameterError(
            f"there is no recipient '{only}'", remedy=f"there are: {', '.join(names) or 'none'}"
        )
    pushes, answered = ledger.known(study, local)
    outcomes = feedback.outcomes(pushes, answered)
    standing = ledger.standing(pushes, answered)
    done = []
    for recipient in study.recipients:
        node = due(recipient, local.date())
        ripe = early or (node is not None and node <= local)
        if ripe and only in {"", recipient.name}:
            made = _tables(study, recipient, ring, outcomes, standing, local.date())
            done.append(_pack(study, recipient, ring, made, local, folder))
    return done


def _tables(
    study: Study,
    recipient: Recipient,
    ring: Ring,
    outcomes: pa.Table,
    standing: pa.Table,
    day: date,
) -> dict[str, pd.DataFrame]:
    made: dict[str, pd.DataFrame] = {}
    if "verified" in recipient.receives:
        made["verified"] = verified(study, standing, day, county=recipient.county)
    if "rules" in recipient.receives:
        made["rules"] = _rules(study, outcomes, day)
    if "errors" in recipient.receives:
        made["errors"] = feedback.errors(outcomes, recipient.department).drop(columns="status")
    if "own" in recipient.receives:
        made["own"] = _own(recipient, ring, standing)
    return made


def verified(study: Study, standing: pa.Table, day: date, *, county: str = "") -> pd.DataFrame:
    """
    Count questions by county and what came of them, as far as disclosure control lets them leave.

    Parameters
    ----------
    study : Study
        Its ledger of releases remembers what left.
    standing : pyarrow.Table
        As :func:`ledger.rows` gives.
    day : date
        As known by 24:00 of this day.
    county : str
        This region only: a county, or a prefecture with its counties; empty for all.

    Returns
    -------
    pandas.DataFrame
        ``county``, ``status``, ``questions`` (missing where hidden), ``hidden``; sums included.
    """
    from analytics.codes import prefecture_of
    from analytics.privacy import release

    cells: pd.DataFrame = ledger.query(
        "select county, status, count(*) as questions from standing "
        "where current and subject_kind = 'person' group by all order by all",
        standing=standing,
    ).to_pandas()
    columns = ["county", "status", "questions", "hidden"]
    if cells.empty:
        return pd.DataFrame(columns=columns)
    inner = {up for code in cells["county"] if (up := prefecture_of(code)) != code}
    own = cells["county"].isin(inner | {study.region})
    cells["county"] = cells["county"].where(~own, cells["county"] + "+")
    parents = {
        code: up if (up := prefecture_of(code[:6])) in inner else study.region
        for code in sorted(set(cells["county"]))
    } | dict.fromkeys(sorted(inner), study.region)
    spec = release.TableSpec(
        name="loop-verified", population=f"{study.name}-loop", measure="questions",
        dimensions=(
            release.Dimension("county", parents),
            release.Dimension.flat("status", ledger.STATUSES),
        ),
        as_of=day, stock=True, corrects=earlier(study, "loop-verified", day),
    )  # fmt: skip
    left = release.release(cells, spec, release.ledger_of(study.state)).table
    table = left.assign(**{name: "" for name in ("county", "status") if name not in left})
    here = table["county"].str.startswith(county.rstrip("0")) if county else slice(None)
    return table.loc[here, columns].reset_index(drop=True)


def _rules(study: Study, outcomes: pa.Table, day: date) -> pd.DataFrame:
    """Precision by rule over the province, as far as its counts may leave."""
    counted = feedback.precision(outcomes, ["rule"])
    if counted.empty:
        return pd.DataFrame(columns=["rule", "verified", "precision", "low", "high"])
    left = released_rules(study, counted, day)
    return left.drop(columns=["confirmed", "refuted"]).round({"precision": 3, "low": 3, "high": 3})


def released_rules(study: Study, counted: pd.DataFrame, day: date) -> pd.DataFrame:
    """
    Precision of each rule, from counts that disclosure control lets leave.

    Parameters
    ----------
    study : Study
        Its ledger of releases remembers what left.
    counted : pandas.DataFrame
        As `feedback.precision` gives by ``rule``.
    day : date
        As known by 24:00 of this day.

    Returns
    -------
    pandas.DataFrame
        ``rule``, ``confirmed``, ``refuted``, ``verified`` and ``precision``, ``low``, ``high``;
        missing where a count is hidden.
    """
    from analytics.privacy import release

    rules = tuple(sorted(counted["rule"]))
    refuted = counted["verified"] - counted["confirmed"]
    cells = pd.concat([
        pd.DataFrame({"rule": counted["rule"], "verdict": verdict, "questions": values})
        for verdict, values in (("confirmed", counted["confirmed"]), ("refuted", refuted))
    ])  # fmt: skip
    spec = release.TableSpec(
        name="loop-rules", population=f"{study.name}-loop", measure="verdicts",
        dimensions=(
            release.Dimension.flat("rule", rules),
            release.Dimension.flat("verdict", ledger.VERIFIED, "verified"),
        ),
        as_of=day, stock=True, vanish=1.0, corrects=earlier(study, "loop-rules", day),
    )  # fmt: skip
    cells = cells.rename(columns={"questions": "verdicts"})
    left = release.release(cells, spec, release.ledger_of(study.state)).table
    wide = left[left["rule"].isin(rules)].pivot_table(
        index="rule", columns="verdict", values="verdicts", aggfunc="first", dropna=False
    ).reindex(columns=["confirmed", "refuted", "verified"])  # fmt: skip
    hits, of = (wide[name].astype("Float64").to_numpy(float, na_value=float("nan"))
                for name in ("confirmed", "verified"))  # fmt: skip
    low, high = feedback.wilson(hits, of)
    share = hits / pd.Series(of).where(lambda n: n > 0).to_numpy()
    return wide.assign(precision=share, low=low, high=high).reset_index().rename_axis(
        None, axis="columns")  # fmt: skip


def earlier(study: Study, name: str, day: date) -> tuple[str, ...]:
    """
    Name releases of a table earlier the same day, which a later one puts right.

    Parameters
    ----------
    study : Study
    name : str
        Of the table in the ledger of releases.
    day : date

    Returns
    -------
    tuple of str
        Their identities, for `TableSpec.corrects`.
    """
    from analytics.privacy import release

    entries = release.ledger_of(study.state).entries()
    return tuple(e.identity for e in entries if e.name == name and e.as_of == day.isoformat())


def _own(recipient: Recipient, ring: Ring, standing: pa.Table) -> pd.DataFrame:
    """Answers about the county's own people, under the recipient's key."""
    rows = ledger.query(
        """
        select line, asks, duty, pushed::date as date, status, verified as answered from standing
        where current and subject_kind = 'person' and starts_with(county, rtrim($county, '0'))
            and purpose = $purpose
        """,
        {"county": recipient.county, "purpose": str(recipient.purpose)}, standing=standing,
    )  # fmt: skip
    keyed = pseudonyms.key(rows["line"].combine_chunks(), ring, f"share:{recipient.name}")
    table = rows.drop_columns(["line"]).add_column(0, "person", keyed)
    ordered = table.sort_by([("person", "ascending"), ("asks", "ascending")])
    shared: pd.DataFrame = ordered.to_pandas()
    return shared


def _pack(
    study: Study,
    recipient: Recipient,
    ring: Ring,
    made: dict[str, pd.DataFrame],
    moment: datetime,
    folder: Path,
) -> Shared:
    """Write files, dictionary, manifest and signature; log it before anything is written."""
    target = folder / recipient.name / moment.date().isoformat()
    files = {f"{name}.{form}": _written(table, form)
             for name, table in made.items() for form in recipient.formats}  # fmt: skip
    files["dictionary.json"] = _json(_dictionary(made))
    rows = {f"{name}.{form}": len(table) for name, table in made.items()
            for form in recipient.formats}  # fmt: skip
    audit.record(
        study.state / "audit.jsonl", "share", f"{study.name}/{recipient.name}", role=ROLE,
        purpose=recipient.purpose, counts={name: len(table) for name, table in made.items()},
    )  # fmt: skip
    manifest = _json({
        "study": study.name, "nature": study.nature, "recipient": recipient.name,
        "as_of": moment.isoformat(), "public_key": public_key(ring),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    })  # fmt: skip
    signature = base64.b64encode(_signer(ring).sign(manifest)) + b"\n"
    disk.make_private(target)
    for name, content in {**files, MANIFEST: manifest, SIGNATURE: signature}.items():
        disk.replace(target / name, content)
    return Shared(recipient.name, target, rows)


def _written(table: pd.DataFrame, form: str) -> bytes:
    if form == "csv":
        return table.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
    stream = io.BytesIO()
    if form == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), stream)
        return stream.getvalue()
    import xlsxwriter

    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    page = book.add_worksheet("results")
    page.write_row(0, 0, list(table.columns))
    for number, row in enumerate(table.itertuples(index=False), start=1):
        for place, value in enumerate(row):
            if not pd.isna(value):
                plain = value.isoformat()[:10] if isinstance(value, date) else value
                page.write(number, place, plain)
    page.freeze_panes(1, 0)
    meanings = book.add_worksheet("dictionary")
    for number, entry in enumerate(_dictionary({"results": table})["results"]):
        meanings.write_row(number, 0, list(entry.values()))
    book.set_properties({"created": datetime(2020, 1, 1)})  # noqa: DTZ001 - same bytes each time
    book.close()
    return stream.getvalue()


def _dictionary(made: Mapping[str, pd.DataFrame]) -> dict[str, list[dict[str, str]]]:
    """Say what each column of each table means."""
    return {
        name: [
            {"column": str(column), **dict(zip(("label", "meaning", "unit"),
                                               MEANINGS[str(column)], strict=True))}
            for column in table.columns
        ]
        for name, table in made.items()
    }  # fmt: skip


def _json(said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _signer(ring: Ring) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(keys.derive(ring, "share", "ed25519"))


def public_key(ring: Ring) -> str:
    """Key that recipients check signatures with, base64; give it to them by another way."""
    return base64.b64encode(_signer(ring).public_key().public_bytes_raw()).decode()


def check(folder: Path, key: str) -> dict[str, Any]:
    """
    Check what was shared: signature, and every file against the manifest.

    Parameters
    ----------
    folder : Path
        As received.
    key : str
        The sender's public key, base64, as got by another way.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    VerificationError
        If the signature does not hold, or files are changed, missing or not listed; all are named.

    References
    ----------
    RFC 8032, Edwards-curve digital signature algorithm.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        manifest = (folder / MANIFEST).read_bytes()
        signature = base64.b64decode((folder / SIGNATURE).read_bytes())
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(signature, manifest)
    except (OSError, ValueError, InvalidSignature):
        raise VerificationError(
            f"the signature over '{folder}' does not hold", remedy="ask for the results again"
        ) from None
    said: dict[str, Any] = json.loads(manifest)
    here = {path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURE}
    breaches = [f"{name}: is not listed" for name in sorted(here - set(said["files"]))]
    for name, digest in sorted(said["files"].items()):
        if name not in here:
            breaches.append(f"{name}: is missing")
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            breaches.append(f"{name}: was changed")
    if breaches:
        raise VerificationError(f"files in '{folder}' are not what was signed", breaches)
    return said


def overdue(study: Study, moment: datetime, folder: Path) -> list[tuple[str, datetime]]:
    """
    List recipients whose latest time node passed without results.

    Parameters
    ----------
    study : Study
    moment : datetime
        With a zone; time nodes of the week before it are looked at.
    folder : Path
        Where results are shared: ``<recipient>/<date>``.

    Returns
    -------
    list of (str, datetime)
        Recipient, and when it was due.
    """
    found = []
    local = moment.astimezone(ZONE)
    for recipient in study.recipients:
        days = (local.date() - timedelta(days=n) for n in range(8))
        nodes = [node for day in days if (node := due(recipient, day)) and node <= local]
        if nodes and not (folder / recipient.name / nodes[0].date().isoformat()).exists():
            found.append((recipient.name, nodes[0]))
    return found
