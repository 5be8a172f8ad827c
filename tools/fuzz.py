"""
Fuzz the readers of deliveries and of returned work lists, guided by coverage (atheris).

    .venv/bin/python tools/fuzz.py [SECONDS] [READER…]      600 seconds each, all readers

Each reader runs in a process of its own from sound files as seeds. It may give rows or refuse the
file by one of our own errors; anything else, or an input that takes longer than 20 seconds or
2 GB, is kept in ``build/fuzz/<reader>`` and the exit code is 1. What new inputs reached stays
there as the corpus of the next night.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "build" / "fuzz"
DELIVERIES = ("csv", "jsonl", "xlsx", "parquet", "csv.gz")
SHEET = "xl/worksheets/sheet1.xml"
READERS = (*DELIVERIES, "worklist.csv", "worklist.xlsx", "xlsx/sheet", "worklist.xlsx/sheet")
LIMITS = ("-timeout=20", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1")


def target(reader: str) -> tuple[Callable[[bytes], None], bytes]:
    """
    Give what is fuzzed, and a sound file.

    Parameters
    ----------
    reader : str
        One of `READERS`.

    Returns
    -------
    function of bytes
        Reads them, and lets our own refusals pass.
    bytes
        A file that it reads.
    """
    from analytics import tables
    from analytics.errors import ContractError, KeyringError
    from analytics.loop import sheets
    from analytics.pool import reading
    from analytics.privacy import passwords

    if reader.endswith("/sheet"):  # what lies within the archive, packed anew each time
        whole, book = target(reader.removesuffix("/sheet"))
        return lambda content: whole(repacked(book, content)), member(book)

    kind = reader.removeprefix("worklist.")
    if reader in DELIVERIES:
        contract = tables.contract("beds")

        def one(content: bytes) -> None:
            try:
                reading.read(Path(f"beds.{kind}"), contract, content).rows.validate(full=True)
            except ContractError as refused:
                if "unreadable" in refused.breaches:  # an error nobody foresaw
                    raise RuntimeError(refused) from refused

        return one, sound(kind)

    def one_list(content: bytes) -> None:
        try:
            sheets.read(passwords.unlock(content, "fuzzing only"), f".{kind}")
        except (ContractError, KeyringError):
            return

    return one_list, sound_list(kind)


def member(book: bytes) -> bytes:
    """Give the first sheet of a workbook as XML."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read(SHEET)


def repacked(book: bytes, content: bytes) -> bytes:
    """Give a workbook with another first sheet."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(stream, "w") as new:
        for part in old.namelist():
            new.writestr(part, content if part == SHEET else old.read(part))
    return stream.getvalue()


def sound(kind: str) -> bytes:
    """Give a delivery of beds of some kind."""
    import gzip

    import pyarrow as pa
    import pyarrow.parquet as pq
    from openpyxl import Workbook

    heading = ("facility", "date", "county", "beds", "occupied")
    row = ("同济医院", "2020-02-01", "420102", "12", "3")
    text = "".join(",".join(line) + "\n" for line in (heading, row, row)).encode()
    stream = io.BytesIO()
    if kind == "jsonl":
        cells = ",".join(f'"{n}":"{c}"' for n, c in zip(heading, row, strict=True))
        return (f"{{{cells}}}\n" * 2).encode()
    if kind == "xlsx":
        book = Workbook(write_only=True)
        page = book.create_sheet("beds")
        for line in (heading, row):
            page.append(line)
        book.save(stream)
    elif kind == "parquet":
        columns = {name: [cell] * 2 for name, cell in zip(heading, row, strict=True)}
        pq.write_table(pa.table(columns), stream, write_page_checksum=True)
    else:
        return gzip.compress(text, mtime=0) if kind == "csv.gz" else text
    return stream.getvalue()


def sound_list(kind: str) -> bytes:
    """Give an exported work list of two lines."""
    from datetime import date

    from analytics.loop import sheets

    columns = ("place", "priority", "due", "reason", "check", *sheets.LOCKED_END)
    lines = [tuple(f"{name} {n}" for name in columns) for n in (1, 2)]
    sheet = sheets.Sheet("list", columns, lines, 1, date(2020, 2, 1), date(2020, 4, 1), ("420102",))
    return sheets.write_csv(sheet) if kind == "csv" else sheets.write_xlsx(sheet)


def fuzz(reader: str, seconds: int) -> None:
    """Fuzz one reader in this process; never comes back."""
    import atheris

    with atheris.instrument_imports(include=["analytics"]):
        one, seed = target(reader)
    place = CORPUS / reader.replace("/", ".")
    (place / "corpus").mkdir(parents=True, exist_ok=True)
    (place / "corpus" / "sound").write_bytes(seed)
    limits = (*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={place}/")
    atheris.Setup([sys.argv[0], str(place / "corpus"), *limits], one)
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Fuzz the readers one after another; say which failed."""
    seconds = int(arguments[0]) if arguments else 600
    if len(arguments) > 2 and arguments[2] == "--here":  # noqa: PLR2004
        fuzz(arguments[1], seconds)
    failed = []
    for reader in arguments[1:] or READERS:
        print(f"{reader}: {seconds} s", flush=True)
        command = [sys.executable, __file__, str(seconds), reader, "--here"]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 (this very file)
            failed.append(reader)
    if failed:
        print(f"failed: {', '.join(failed)}; inputs are in {CORPUS}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
