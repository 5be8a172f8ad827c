"""What identified work spills to disk is unreadable there."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import pytest

from analytics.errors import BusyError, KeyringError, SetupError
from analytics.privacy import disk, workspace

MADE = """
    CREATE TEMP TABLE persons AS
    SELECT 'CANARY420102' || i || repeat('x', 50) AS number, hash(i) AS place
    FROM range(1500000) r(i)"""
SORTED = "SELECT count(*), min(length(number)) FROM (SELECT number FROM persons ORDER BY place)"


def watch(folder: Path, over: threading.Event, seen: list[tuple[int, bool]]) -> None:
    while not over.wait(0.02):
        for path in folder.glob("duckdb_temp_*"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            seen.append((len(content), b"CANARY420102" in content))


def test_spilled_files_hold_no_clear_text_and_go(tmp_path):
    folder, over, seen = tmp_path / "spill", threading.Event(), []
    watcher = threading.Thread(target=watch, args=(folder, over, seen), daemon=True)
    with workspace.open_workspace(folder, memory_limit="60MB", threads=1) as connection:
        watcher.start()
        connection.execute(MADE)
        assert connection.execute(SORTED).fetchone() == (1_500_000, 63)
        over.set()
        watcher.join()
    assert max(size for size, _ in seen) > 1_000_000
    assert not [size for size, clear in seen if clear]
    assert list(folder.glob("duckdb_temp_*")) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_one_left_goes_and_a_living_one_is_not_disturbed(tmp_path, monkeypatch):
    (tmp_path / "spill").mkdir(mode=0o700)
    left = tmp_path / "spill" / "duckdb_temp_storage_DEFAULT-0.tmp"
    left.write_bytes(b"x")
    locked = disk.locked
    monkeypatch.setattr(disk, "locked", lambda path: locked(path, 0.1))
    with workspace.open_workspace(tmp_path / "spill"):
        assert not left.exists()
        with pytest.raises(BusyError), workspace.open_workspace(tmp_path / "spill"):
            pass


def test_a_folder_others_can_reach_is_refused(tmp_path):
    (tmp_path / "spill").mkdir(mode=0o755)
    with pytest.raises(KeyringError, match="0755"), workspace.open_workspace(tmp_path / "spill"):
        pass


def test_missing_cipher_code_is_an_error_and_never_clear_text(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match="not installed"), workspace.open_workspace(tmp_path / "s"):
        pass
