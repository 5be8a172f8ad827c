"""A real spreadsheet program, LibreOffice, without a window; set up by `make test-office`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def soffice() -> str:
    """Path of the program."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        pytest.skip("LibreOffice is not installed: `apt-get install libreoffice-calc`")
    return found


@pytest.fixture
def convert(soffice, tmp_path):
    """Open a file and save it anew, as a person would who changes nothing."""

    def run(path: Path, kind: str) -> Path:
        target = tmp_path / "saved"
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        subprocess.run(
            [soffice, profile, "--headless", "--norestore", "--convert-to", kind, "--outdir",
             str(target), str(path)],
            check=True, capture_output=True, timeout=240,
        )  # fmt: skip
        return target / f"{path.stem}.{kind.partition(':')[0]}"

    return run


@pytest.fixture
def macro(soffice, tmp_path):
    """Let the program itself run a script on a document, with its own Python."""

    def run(script: str, *arguments: str) -> None:
        profile = tmp_path / "macro-profile"
        start = [soffice, f"-env:UserInstallation=file://{profile}", "--headless", "--norestore"]
        # a profile's first start makes it; scripts are found from the second on
        subprocess.run([*start, "--terminate_after_init"], check=True, capture_output=True,
                       timeout=240)  # fmt: skip
        folder = profile / "user" / "basic" / "Standard"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Module1.xba").write_text(_MODULE.format(script=script), encoding="utf-8")
        (folder / "script.xlb").write_text(_LIBRARY, encoding="utf-8")
        (folder.parent / "script.xlc").write_text(_LIBRARIES, encoding="utf-8")
        called = ",".join(f'"{argument}"' for argument in arguments)
        subprocess.run([*start, f"macro:///Standard.Module1.Fill({called})"], check=True,
                       capture_output=True, timeout=240)  # fmt: skip

    return run


_DOCTYPE = '<!DOCTYPE {0} PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "{1}.dtd">'
_MODULE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    + _DOCTYPE.format("script:module", "module")
    + '\n<script:module xmlns:script="http://openoffice.org/2000/script" '
    'script:name="Module1" script:language="StarBasic">{script}</script:module>'
)
_LIBRARY = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    + _DOCTYPE.format("library:library", "library")
    + '\n<library:library xmlns:library="http://openoffice.org/2000/library" '
    'library:name="Standard" library:readonly="false" library:passwordprotected="false">'
    '<library:element library:name="Module1"/></library:library>'
)
_LIBRARIES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    + _DOCTYPE.format("library:libraries", "libraries")
    + '\n<library:libraries xmlns:library="http://openoffice.org/2000/library" '
    'xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<library:library library:name="Standard" library:link="false"/></library:libraries>'
)
