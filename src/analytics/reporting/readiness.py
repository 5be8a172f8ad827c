"""What the workbench needs on this machine: what is there, what is missing, what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import NoReturn

from analytics import study as studies
from analytics.errors import SetupError, StudyError
from analytics.reporting import manifest, printing

_JAVA = (17, 21)  # what Spark 4.0 runs on
INSTALL = "make report installs it; by hand: uv sync --frozen"


@dataclass(frozen=True)
class Finding:
    """One part: whether it is ready, in what state, and how to get it."""

    part: str
    ready: bool
    state: str
    remedy: str = ""
    needed: bool = True  # False: only for an optional part


def inspect() -> list[Finding]:
    """Look at the interpreter, packages, extras, front-end parts, browser, fonts and studies."""
    return [
        _python(),
        *_packages(),
        *_extras(),
        _charts(),
        _browser(),
        *_studies(),
        _reports(),
    ]


def refuse(findings: Sequence[Finding]) -> NoReturn:
    """
    Say that the workbench is not ready.

    Raises
    ------
    SetupError
        Always, listing every needed part that is missing.
    """
    missing = [f"{item.part}: {item.remedy}" for item in findings if item.needed and not item.ready]
    raise SetupError(f"{len(missing)} needed parts are missing:", missing)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "Python",
        ready=sys.version_info >= (3, 11),
        state=version,
        remedy="install Python 3.11 or newer",
    )


def _packages() -> list[Finding]:
    from packaging.requirements import Requirement

    findings = []
    for line in metadata.requires(manifest.DISTRIBUTION) or []:
        wanted = Requirement(line)
        if wanted.marker and "extra" in str(wanted.marker):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            findings.append(
                Finding(wanted.name, ready=False, state=f"not installed ({line})", remedy=INSTALL)
            )
            continue
        fits = wanted.specifier.contains(version, prereleases=True)
        findings.append(
            Finding(
                wanted.name,
                ready=fits,
                state=version,
                remedy=f"needs {wanted.specifier}: {INSTALL}",
            )
        )
    return findings


def _extras() -> list[Finding]:
    spark = _extra("spark", "pyspark")
    return [_with_java(spark) if spark.ready else spark, _extra("scheduler", "jupyter-scheduler")]


def _extra(name: str, package: str) -> Finding:
    try:
        return Finding(f"[{name}]", ready=True, state=metadata.version(package), needed=False)
    except metadata.PackageNotFoundError:
        remedy = f"uv sync --frozen --inexact --extra {name}"
        return Finding(
            f"[{name}]", ready=False, state="optional, absent", remedy=remedy, needed=False
        )


def _with_java(spark: Finding) -> Finding:
    """Whether Spark has the Java it needs: JAVA_HOME's, or the first on the PATH."""
    home = os.environ.get("JAVA_HOME", "")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    said = ""
    if java:
        asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
        said = asked.stderr
    version = re.search(r'version "(\d+)', said)
    number = int(version[1]) if version else 0
    state = f"{spark.state}, Java {number}" if number else f"{spark.state}, no Java"
    return replace(
        spark,
        ready=number in _JAVA,
        state=state,
        remedy="apt-get install openjdk-17-jre-headless, or point JAVA_HOME at Java 17 or 21",
    )


def _charts() -> Finding:
    from analytics.render import page

    try:
        library = page.library()
    except SetupError as error:
        return Finding("chart library", ready=False, state="absent", remedy=error.remedy)
    match = re.search(r"plotly\.js[^\n]*v(\d+\.\d+\.\d+)", library[:400])
    return Finding("chart library", ready=True, state=f"plotly.js {match[1] if match else ''}")


def _browser() -> Finding:
    found = printing.program()
    remedy = "apt-get install chromium fonts-noto-cjk (for tests and PDF only)"
    return Finding(
        "Chromium",
        ready=found is not None,
        state=found or "optional, absent",
        remedy=remedy,
        needed=False,
    )


def _studies() -> list[Finding]:
    try:
        known = studies.names()
    except StudyError as error:
        return [Finding("studies", ready=False, state=error.what, remedy=error.remedy)]
    findings = []
    for name in known:
        try:
            study = studies.load(name)
        except StudyError as error:
            findings.append(
                Finding(
                    f"study {name}", ready=False, state=str(error), remedy="mend its study.toml"
                )
            )
        else:
            findings.append(
                Finding(f"study {name}", ready=True, state=f"{study.nature}, as of {study.as_of}")
            )
    return findings


def _reports() -> Finding:
    folder = studies.root() / "reports"
    place = folder if folder.exists() else folder.parent
    return Finding(
        "reports folder",
        ready=os.access(place, os.W_OK),
        state=str(folder),
        remedy=f"give this user the right to write into {place}",
    )
