"""
Pseudonyms of ten million distinct resident IDs on one core, beside other ways to make them.

The peers are a new ``hmac`` object for each value, and DuckDB's vectorised ``sha256`` over
bound pads. Both give the same pseudonyms, which is checked. Peers are measured on fewer
values and scaled; ours is measured whole. Seconds are of the processor, since others may
share the machine; elapsed seconds stand beside them.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.privacy import keys, pseudonyms

IDS = 10_000_000
PEER_IDS = 1_000_000
USE = "screening"


def run() -> list[dict[str, object]]:
    """Rows: all resident IDs of 18 characters; a tenth in other forms; repeated IDs."""
    with _one_core(), _ring() as ring:
        plain = resident_ids(IDS)
        few = plain.slice(0, PEER_IDS)
        expected, peer, _ = timed(lambda: one_by_one(few, ring))
        queried, query, _ = timed(lambda: in_duckdb(few, ring))
        ours, seconds, elapsed = timed(lambda: pseudonyms.pseudonymise(plain, ring, USE))
        if not ours.slice(0, PEER_IDS).combine_chunks().equals(expected) or queried != expected:
            raise AssertionError("the pseudonyms differ")
        scale = IDS / PEER_IDS
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        mixed = in_other_forms(plain, ring)
        repeated = repeats(plain, ring)
    return [
        row("hmac.new for each value, scaled from 1 million", seconds, elapsed, peer * scale, peak),
        row("sha256 in DuckDB, scaled from 1 million", seconds, elapsed, query * scale, peak),
        row("a tenth with 15 digits or full width; peer: all of 18", *mixed, seconds, peak),
        row("each ID ten times, dictionary-encoded; peer: all distinct", *repeated, seconds, peak),
    ]


def resident_ids(rows: int) -> pa.Array:
    """Distinct made-up IDs of 18 characters with true check characters, shape (rows,)."""
    # Steps prime to the number of combinations visit each at most once.
    place = np.arange(rows, dtype=np.int64) * 48_271_301 % (4 * 25_000 * 1000)
    regions = np.array([420102, 420502, 421003, 429004])[place // 25_000_000]
    born = np.datetime64("1930-01-01") + place // 1000 % 25_000
    parts = np.datetime_as_string(born.astype("datetime64[D]"))
    days = np.char.replace(parts, "-", "").astype(np.int64)
    body = (regions * 10**8 + days) * 1000 + place % 1000
    digits = np.frombuffer(np.char.mod("%017d", body).astype("S17").tobytes(), np.uint8)
    digits = digits.reshape(-1, 17) - ord("0")
    check = np.frombuffer(b"10X98765432", np.uint8)
    last = check[(digits @ np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])) % 11]
    whole = np.column_stack([digits + ord("0"), last]).astype(np.uint8)
    content = pa.py_buffer(np.ascontiguousarray(whole))
    offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * 18)
    return pa.StringArray.from_buffers(rows, offsets, content)


def one_by_one(numbers: pa.Array, ring: keys.Ring) -> pa.Array:
    """Make a new hmac object for each value."""
    key = bytes(keys.derive(ring, "pseudonym", USE))
    values = [hmac.new(key, m.encode(), "sha256").hexdigest()[:32] for m in numbers.to_pylist()]
    return pa.array(values)


def in_duckdb(numbers: pa.Array, ring: keys.Ring) -> pa.Array:
    """DuckDB's sha256 twice over padded text; the pads are bound, never written in SQL."""
    key = bytes(keys.derive(ring, "pseudonym", USE)).ljust(64, b"\0")
    pads = [bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C)]
    numbers = pa.table({"number": numbers})
    query = """
        SELECT sha256($outer::BLOB || unhex(sha256($inner::BLOB || number::BLOB)))[:32] AS value
        FROM numbers"""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("numbers", numbers)
        table = connection.execute(query, {"inner": pads[0], "outer": pads[1]}).to_arrow_table()
    return table["value"].combine_chunks()


def in_other_forms(plain: pa.Array, ring: keys.Ring) -> tuple[float, float]:
    """Write a tenth of the IDs as their 15-digit form or in full-width characters."""
    parts = range(0, len(plain), PEER_IDS)
    written = pa.chunked_array([rewritten(plain.slice(start, PEER_IDS)) for start in parts])
    found, seconds, elapsed = timed(lambda: pseudonyms.pseudonymise(written, ring, USE))
    few = pseudonyms.pseudonymise(plain.slice(0, PEER_IDS), ring, USE)
    if found.slice(0, PEER_IDS).combine_chunks() != few.combine_chunks():
        raise AssertionError("two forms of one ID differ")
    return seconds, elapsed


def rewritten(plain: pa.Array) -> pa.Array:
    """Every twentieth ID with 15 digits, and every twentieth in full-width characters."""
    place = pa.array(np.arange(len(plain)) % 20)
    short = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(plain, 0, 6), pc.utf8_slice_codeunits(plain, 8, 17), ""
    )
    upgradable = pc.equal(pc.utf8_slice_codeunits(plain, 6, 8), "19")
    written = pc.if_else(pc.and_(upgradable, pc.equal(place, 0)), short, plain)
    wide = plain.filter(pc.equal(place, 1))
    for digit in "0123456789X":
        wide = pc.replace_substring(wide, digit, chr(ord(digit) + 0xFEE0))
    return pc.replace_with_mask(written, pc.equal(place, 1), wide)


def repeats(plain: pa.Array, ring: keys.Ring) -> tuple[float, float]:
    """Ten million records of one million people, encoded as a dictionary before."""
    indices = pa.array(np.arange(IDS, dtype=np.int32) % (IDS // 10))
    encoded = pa.DictionaryArray.from_arrays(indices, plain.slice(0, IDS // 10))
    _, seconds, elapsed = timed(lambda: pseudonyms.pseudonymise(encoded, ring, USE))
    return seconds, elapsed


def timed(work: Callable[[], pa.Array]) -> tuple[pa.Array, float, float]:
    """Give the result, processor seconds and elapsed seconds."""
    start, clock = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - start, time.perf_counter() - clock


def row(what: str, ours: float, elapsed: float, peer: float, peak: float) -> dict[str, object]:
    """One row of results; seconds for ten million IDs."""
    return {
        "name": "pseudonyms",
        "what": f"10 million IDs, one core [processor s; {elapsed:.1f} s elapsed]: {what}",
        "ours": round(ours, 2),
        "peer": round(peer, 2),
        "ratio": round(ours / peer, 3),
        "peak_memory_mb": round(peak),
    }


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Let this process use one core only, and Arrow one thread."""
    before, threads = os.sched_getaffinity(0), pa.cpu_count()
    os.sched_setaffinity(0, {min(before)})
    pa.set_cpu_count(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        pa.set_cpu_count(threads)


@contextlib.contextmanager
def _ring() -> Iterator[keys.Ring]:
    """Yield a ring of its own, gone afterwards."""
    before = os.environ.get("WORKBENCH_KEYS")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_KEYS"] = str(Path(folder) / "keys")
        try:
            yield keys.create("benchmark")
        finally:
            if before is None:
                del os.environ["WORKBENCH_KEYS"]
            else:
                os.environ["WORKBENCH_KEYS"] = before


if __name__ == "__main__":
    for each in run():
        print(each)
