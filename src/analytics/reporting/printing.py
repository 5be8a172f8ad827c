"""
Printed reports: a page on A4, as the browser prints it.

A PDF is made of the page that stands, not of another run: the manifest says of which.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from analytics.errors import RunError, SetupError
from analytics.privacy import disk
from analytics.reporting import manifest, publication

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_REMEDY = "apt-get install chromium fonts-noto-cjk; the pages themselves stand"


def program() -> str | None:
    """Browser that prints pages; None where there is none."""
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


def browser() -> str:
    """
    Browser that prints pages.

    Raises
    ------
    SetupError
        If none is installed.
    """
    found = program()
    if found is None:
        raise SetupError("there is no browser to print pages with", remedy=_REMEDY)
    return found


def bring(page: Path, *, seconds: int = 120) -> Path:
    """
    Print a published page to the PDF beside it, unless that stands already.

    Parameters
    ----------
    page : Path
        Page as published, listed in its folder's manifest.
    seconds : int
        Longest time of the printing.

    Returns
    -------
    Path
        The PDF, A4, with the page's fonts in it.

    Raises
    ------
    SetupError
        If no browser is installed.
    RunError
        If the browser fails or hangs.
    PublicationError
        If the PDF cannot be written.
    """
    target = page.with_suffix(".pdf")
    stem = page.name.rsplit(".", 2)[0]
    content = page.read_bytes()
    source = hashlib.sha256(content).hexdigest()
    known = manifest.read(page.parent).get(stem, {}).get("prints", {}).get(target.name, {})
    if known.get("of") == source and target.is_file() and disk.sha256(target) == known["sha256"]:
        return target
    printed = _printed(content, seconds)
    with publication.lock(page.parent, manifest.NAME, wait_seconds=60):
        entries = manifest.read(page.parent)
        said = {"of": source, "sha256": hashlib.sha256(printed).hexdigest()}
        entries[stem] = {**entries[stem], "prints": {**entries[stem].get("prints", {})}}
        entries[stem]["prints"][target.name] = said
        publication.publish({target: printed, page.parent / manifest.NAME: manifest.text(entries)})
    return target


def _printed(content: bytes, seconds: int) -> bytes:
    with tempfile.TemporaryDirectory(prefix="workbench-print-") as private:
        page, target = Path(private) / "page.html", Path(private) / "page.pdf"
        page.write_bytes(content)
        command = [
            browser(), "--headless", "--disable-gpu", "--disable-extensions", "--no-first-run",
            f"--user-data-dir={private}/profile", "--virtual-time-budget=20000",
            "--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri(),
        ]  # fmt: skip
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium has no sandbox for root; the page is ours
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=seconds)  # noqa: S603
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            how = "hung" if isinstance(error, subprocess.TimeoutExpired) else "failed"
            raise RunError(f"the browser {how} while it printed a page", remedy=_REMEDY) from error
        if not target.is_file():
            raise RunError("the browser printed nothing", remedy=_REMEDY)
        return target.read_bytes()
