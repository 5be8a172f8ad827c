"""
The plain stack under the same faults: pandas reads, Papermill runs, nbconvert publishes.

Each function strikes once and says what was seen: whether the stack came through (1: nothing
lost and the failure said; 0.5: one of both; 0: neither, or silently wrong) and how. Run as a
script (`make peers`) it writes docs/faults_peers.json. Nothing here is quoted from elsewhere.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "faults_peers.json"
Outcome = tuple[float, str]
BEDS = "facility,date,county,beds\nA,2020-02-01,420102,1\nB,2020-02-01,420103,2\n"
PIPELINE = """
import sys, papermill, nbformat
from nbconvert import HTMLExporter
out, page = sys.argv[2], sys.argv[3]
papermill.execute_notebook(sys.argv[1], out, progress_bar=False)
html, _ = HTMLExporter().from_filename(out)
open(page, "w", encoding="utf-8").write(html)
"""


def notebook(folder: Path, *cells: str) -> Path:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / "report.ipynb"
    nbformat.write(new_notebook(cells=[*map(new_code_cell, cells)], metadata=spec), path)
    return path


def pipeline(folder: Path, *cells: str) -> subprocess.Popen[str]:
    """The plain report: run, convert, write the page where the last good one stands."""
    path = notebook(folder, *cells)
    return subprocess.Popen(
        [sys.executable, "-c", PIPELINE, path, folder / "out.ipynb", folder / "page.html"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip


def good(folder: Path) -> tuple[bytes, bytes]:
    """A good report and its record, made before the fault strikes."""
    done = pipeline(folder, "print('good')")
    _, said = done.communicate()
    assert done.returncode == 0, said
    return (folder / "page.html").read_bytes(), (folder / "out.ipynb").read_bytes()


def after(folder: Path, before: tuple[bytes, bytes], code: int | None, said: str) -> Outcome:
    """Judge a failed run: does the good report stand, its record too, and is the failure said?"""
    page, record = folder / "page.html", folder / "out.ipynb"
    stands = page.is_file() and page.read_bytes() == before[0]
    kept = record.read_bytes() == before[1]
    words = [
        "page stands" if stands else "good page lost",
        "record stands" if kept else "good record overwritten by half a run",
        "failure said" if code else "failure not said",
        *(["by a traceback"] if "Traceback" in said else []),
    ]
    return (int(stands and kept) + int(bool(code))) / 2, ", ".join(words)


def failing(folder: Path, cell: str) -> Outcome:
    before = good(folder)
    run = pipeline(folder, "print('new')", cell)
    _, said = run.communicate()
    return after(folder, before, run.returncode, said)


def runner_killed(folder: Path) -> Outcome:
    before = good(folder)
    run = pipeline(folder, "print('new')", "import time; time.sleep(60)")
    time.sleep(6)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    return after(folder, before, None, "")


def endless_cell(folder: Path) -> Outcome:
    before = good(folder)
    run = pipeline(folder, "while True: pass")
    try:
        run.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        run.kill()
        run.communicate()
        return 0, "still running after 30 s; no limit of time by default"
    return after(folder, before, run.returncode, "")


def kernel_killed(folder: Path) -> Outcome:
    return failing(folder, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


def out_of_memory(folder: Path) -> Outcome:
    before = good(folder)
    run = pipeline(folder, "held = b'x' * (2 << 30); print(len(held))")
    try:
        _, said = run.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        run.kill()
        run.communicate()
        said = ""
    if run.returncode == 0:
        return 0, "2 GB taken unhindered; no limit of memory to set"
    return after(folder, before, run.returncode, said)


def person_in_an_error(folder: Path) -> Outcome:
    good(folder)
    run = pipeline(folder, "raise ValueError('card ' + '42010619800101' + '001X')")
    _, said = run.communicate()
    told = "42010619800101001X" in said + (folder / "out.ipynb").read_text()
    return (0, "the number stands in log and record") if told else (1, "not told")


def two_runs(folder: Path) -> Outcome:
    runs = [pipeline(folder, f"import time; time.sleep(3); print({n})") for n in (1, 2)]
    codes = [run.communicate() and run.returncode for run in runs]
    return 0, f"both write one output at once, exit codes {codes}; nobody is told"


def disk_full(folder: Path) -> Outcome:
    before = good(folder)
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        + PIPELINE
    )
    path = notebook(folder, "print('x' * 300_000)")
    done = subprocess.run(
        [sys.executable, "-c", limited, path, folder / "out.ipynb", folder / "page.html"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    return after(folder, before, done.returncode, done.stderr)


def not_writable(folder: Path) -> Outcome:
    blocked = folder / "file"
    blocked.write_text("in the way")
    path = notebook(folder, "1")
    command = [sys.executable, "-c", PIPELINE, path, blocked / "out.ipynb", blocked / "page.html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (1 if done.returncode else 0), "fails, and says so by a traceback"


def read(content: bytes, name: str) -> Any:
    import pandas as pd

    stream = io.BytesIO(content)
    if name.endswith(".parquet"):
        return pd.read_parquet(stream)
    if name.endswith(".xlsx"):
        return pd.read_excel(stream)
    return pd.read_csv(stream, compression="gzip" if name.endswith(".gz") else None)


def half_copied(_: Path) -> Outcome:
    table = read(BEDS[:-12].encode(), "beds.csv")
    return 0, f"read as if whole: {len(table)} rows, the last one short"


def marker(_: Path) -> Outcome:
    return 0, "no marker, no checksum: whatever lies there is read"


def flipped_parquet(_: Path) -> Outcome:
    import pandas as pd

    stream = io.BytesIO()
    sound = pd.DataFrame({"beds": [*range(1000)]})
    sound.to_parquet(stream, compression=None)
    wrong = refused = 0
    for place in range(4, len(stream.getvalue()) - 8, 97):
        content = bytearray(stream.getvalue())
        content[place] ^= 0x40
        try:
            wrong += not read(bytes(content), "x.parquet").equals(sound)
        except Exception:  # noqa: BLE001 - any refusal counts
            refused += 1
    return (
        0 if wrong else 1
    ), f"{wrong} flips read as wrong numbers without a word, {refused} refused"


def limited(content: bytes, name: str) -> Outcome:
    """Read under a limit of 3 GB, in a process of its own."""
    code = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r}); import peers\n"
        "found = peers.read(sys.stdin.buffer.read(), sys.argv[1])\n"
        "print(len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, name], input=content, capture_output=True, check=False,
            timeout=60,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 0, "still reading after 60 s"
    if done.returncode:
        why = done.stderr.decode().strip().splitlines()[-1].partition(":")[0] or "killed"
        return 0.5, f"fails under a limit of 3 GB ({why}); without one it takes what it wants"
    rows, most = done.stdout.split()
    return 0, f"unpacked: {int(rows):,} rows, {int(most):,} MB at its peak"


def gzip_bomb(_: Path) -> Outcome:
    return limited(gzip.compress(b"0\n" * (1 << 27), mtime=0), "x.csv.gz")


def zip_bomb(_: Path) -> Outcome:
    sheet = workbook()
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(sheet)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            body = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                body = body.replace(
                    b"</sheetData>", b"<row><c/></row>" * 6_000_000 + b"</sheetData>"
                )
            new.writestr(name, body)
    return limited(stream.getvalue(), "x.xlsx")


def parquet_bomb(_: Path) -> Outcome:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    word = pa.DictionaryArray.from_arrays(
        pa.array([0] * 2_000_000, pa.int32()), pa.array(["A" * 2000])
    )
    pq.write_table(
        pa.table({"facility": word.cast(pa.dictionary(pa.int32(), pa.string()))}), stream
    )
    stripped = pq.read_table(io.BytesIO(stream.getvalue())).schema.remove_metadata()
    with pq.ParquetWriter(plain := io.BytesIO(), stripped, store_schema=False) as writer:
        writer.write_table(pa.table({"facility": word}))
    return limited(plain.getvalue(), "x.parquet")


def workbook() -> bytes:
    import openpyxl

    book, stream = openpyxl.Workbook(), io.BytesIO()
    for line in BEDS.splitlines():
        book.active.append(line.split(","))
    book.save(stream)
    return stream.getvalue()


def changed(part: str, change: Callable[[bytes], bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return stream.getvalue()


def entities(folder: Path) -> Outcome:
    (folder / "secret").write_text("gefunden")
    head = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{folder}/secret">]>'.encode()

    def declare(body: bytes) -> bytes:
        rows = b'<row r="9"><c r="A9" t="inlineStr"><is><t>&e;</t></is></c></row></sheetData>'
        start = body.index(b"<worksheet")
        return body[:start] + head + body[start:].replace(b"</sheetData>", rows)

    try:
        table = read(changed("xl/worksheets/sheet1.xml", declare), "x.xlsx")
    except Exception as error:  # noqa: BLE001 - any refusal counts
        return 1, f"refused ({type(error).__name__})"
    told = "gefunden" in table.to_csv()
    return (0, "the file's content is read") if told else (1, "not followed")


def dimension(_: Path) -> Outcome:
    content = changed("xl/worksheets/sheet1.xml", lambda b: b.replace(b'ref="A1:D3"', b'ref="A1"'))
    rows = len(read(content, "x.xlsx"))
    return (1, "every row read") if rows == 2 else (0, f"{2 - rows} of 2 rows lost, not said")


def far_row(_: Path) -> Outcome:
    def move(body: bytes) -> bytes:
        return body.replace(b'<row r="3"', b'<row r="99999999999"').replace(
            b'"A3"', b'"A99999999999"'
        )

    score, said = limited(changed("xl/worksheets/sheet1.xml", move), "x.xlsx")
    return score, said


def traversal(folder: Path) -> Outcome:
    import papermill

    inner = folder / "reports"
    inner.mkdir()
    papermill.execute_notebook(
        notebook(folder, "1"), str(inner / "../outside.ipynb"), progress_bar=False
    )
    return (
        (0, "written outside the reports' folder")
        if (folder / "outside.ipynb").exists()
        else (1, "")
    )


def hostile(folder: Path) -> Outcome:
    text = "<script>window.broken=1</script>"
    run = pipeline(
        folder, "from IPython.display import Markdown, HTML; import pandas as pd",
        f"display(Markdown('### ' + {text!r}))", f"pd.DataFrame({{'x': [{text!r}]}})",
    )  # fmt: skip
    run.communicate()
    raw = (folder / "page.html").read_text().count(text) + (
        text in json.dumps(json.loads((folder / "out.ipynb").read_text())) and 0
    )
    return (0, f"stands as a live script in {raw} places") if raw else (1, "escaped")


def formula(_: Path) -> Outcome:
    import pandas as pd

    written = pd.DataFrame({"x": ['=HYPERLINK("http://evil.example")']}).to_csv(index=False)
    return (0, "written as a formula") if '"=HYPERLINK' in written else (1, "")


def clock(folder: Path) -> Outcome:
    """As of the newest file: a correction that a wrong clock dates back is not seen."""
    import pandas as pd

    for name, beds, moment in (("first", 1, 2e9), ("correction", 2, 1e9)):
        path = folder / f"{name}.csv"
        path.write_text(f"facility,beds\nA,{beds}\n")
        os.utime(path, (moment, moment))
    newest = max(folder.glob("*.csv"), key=lambda p: p.stat().st_mtime)
    beds = int(pd.read_csv(newest)["beds"][0])
    return (0, "the correction is not seen") if beds == 1 else (1, "")


def bad_date(_: Path) -> Outcome:
    import pandas as pd

    table = pd.read_csv(io.StringIO(BEDS.replace("2020-02-01", "2020-02-30")), parse_dates=["date"])
    kind = str(table["date"].dtype)
    return (0, f"2020-02-30 kept as {kind}, not said") if "datetime" not in kind else (1, "")


def unknown_county(_: Path) -> Outcome:
    table = read(BEDS.replace("420102", "420199").encode(), "beds.csv")
    return 0, f"county {table['county'][0]} kept, not said"


def bad_option(folder: Path) -> Outcome:
    path = notebook(folder, "as_of = ''", "import datetime; datetime.date.fromisoformat('x')")
    done = subprocess.run(
        [sys.executable, "-m", "papermill", path, folder / "o.ipynb", "-p", "as_off", "x"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    how = "a traceback" if "Traceback" in done.stderr else "a message"
    return (0.5 if done.returncode else 0), f"unknown parameter passed on; ends in {how}"


def in_clear(folder: Path) -> Outcome:
    path = folder / "cases.csv"
    path.write_text("id_number\n42010619800101001X\n")
    return 0, "no keys: persons lie in clear, readable by whoever reads the file"


def canaries(folder: Path) -> Outcome:
    (folder / "cases.csv").write_text("id_number\n42010619800101001X\n")
    run = pipeline(folder, "import pandas as pd; pd.read_csv('cases.csv', dtype=str)")
    run.communicate()
    told = "42010619800101001X" in (folder / "page.html").read_text()
    return (0, "a table shown whole tells every number") if told else (1, "")


def torn_list(folder: Path) -> Outcome:
    import pandas as pd

    path = folder / "all.csv"
    path.write_text(BEDS[:-8])
    table = pd.read_csv(path)
    return 0, f"a torn store is read as if whole: {len(table)} rows"


def tampered_page(folder: Path) -> Outcome:
    good(folder)
    page = folder / "page.html"
    page.write_text(page.read_text().replace("good", "evil"))
    return 0, "nothing tells a changed page from the published one"


CASES: dict[str, Callable[[Path], Outcome]] = {
    "runner killed while cells run": runner_killed,
    "endless cell": endless_cell,
    "kernel killed from outside": kernel_killed,
    "cell out of memory": out_of_memory,
    "cell raises with a person's number": person_in_an_error,
    "two runs of one report at once": two_runs,
    "disk full": disk_full,
    "folder not writable": not_writable,
    "half-copied delivery": half_copied,
    "delivery other than its marker says": marker,
    "flipped byte in Parquet": flipped_parquet,
    "gzip bomb": gzip_bomb,
    "zip bomb": zip_bomb,
    "Parquet bomb": parquet_bomb,
    "XLSX with external entities": entities,
    "XLSX with a false dimension": dimension,
    "XLSX with row 99,999,999,999": far_row,
    "path traversal in a delivery's name": traversal,
    "hostile text in every output slot": hostile,
    "formula text in a download": formula,
    "clock set back between deliveries": clock,
    "bad date": bad_date,
    "unknown county": unknown_county,
    "nonsense in any option": bad_option,
    "key missing": in_clear,
    "10,000 canaries through the privacy floor": canaries,
    "archive list torn": torn_list,
    "page changed after publication": tampered_page,
}


def main(wanted: list[str]) -> int:
    """Strike with every fault, or with those named; write what was seen after each."""
    known = json.loads(TARGET.read_text("utf-8"))["cases"] if wanted and TARGET.exists() else {}
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stack = ", ".join(f"{n} {metadata.version(n)}" for n in ("papermill", "nbconvert", "pandas"))
    for name, strike in CASES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            survived, outcome = strike(Path(folder))
        known[name] = {"survived": survived, "outcome": outcome}
        sys.stdout.write(f"{survived:<4g} {name}: {outcome}\n")
        sys.stdout.flush()
        said = {"stack": stack, "date": datetime.now(UTC).date().isoformat(), "cases": known}
        TARGET.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
