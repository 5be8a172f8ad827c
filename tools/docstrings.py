"""
Check the docstring of every public name of the package, as numpydoc reads it.

Every public module, class, function, method and property has a docstring. What a docstring
says must be right (`RULES`), and a section that is begun must be whole (`WHOLE`); a
function whose one-sentence summary says all need not have sections.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import re
import sys
import warnings
from typing import TYPE_CHECKING

from numpydoc.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# Codes: https://numpydoc.readthedocs.io/en/latest/validation.html
RULES = {
    "GL03",  # double blank lines
    "GL05",  # tabs
    "GL06",  # a section numpydoc does not know
    "GL07",  # sections in the wrong order
    "GL08",  # no docstring
    "PR02",  # a parameter is documented that does not exist
    "PR03",  # parameters in the wrong order
    "PR05",  # a type ends in a full stop
    "PR10",  # no space before the colon of a parameter
    "SS01",  # no summary
    "SS02",  # the summary does not start with a capital letter
}
WHOLE = {
    # a type such as `Study` or `AREAS table` may say all: PR07, no meaning, is not asked for
    "Parameters": {"PR01", "PR04"},  # one left out, without a type
    "Returns": {"RT03"},  # without a meaning, unless its type tells it: see `TELLING`
}
# A return type that names a table (`RISK table`) or a documented class says what it means
TELLING = re.compile(r"Returns\n\s*-+\n[^\n]*\b[A-Z][A-Za-z_]{2,}\b[^\n]*")
OPTIONAL = {"pyspark"}
# Written by pydantic, dataclasses, enum and pandera, not by us
INHERITED = {"Config", "model_config"}


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield a package and all its public modules, imported."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            try:
                yield importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                if error.name not in OPTIONAL:  # an extra that is not installed here
                    raise


def public_names(module: ModuleType) -> Iterator[str]:
    """Yield the dotted names of what is public in a module and defined there."""
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(member) or inspect.isclass(member):
            yield f"{module.__name__}.{name}"
        if inspect.isclass(member):
            for inner, attribute in vars(member).items():
                plain = getattr(attribute, "__func__", attribute)
                written = isinstance(attribute, property) or (
                    inspect.isfunction(plain) and plain.__module__ == module.__name__
                )
                if written and not inner.startswith("_") and inner not in INHERITED:
                    yield f"{module.__name__}.{name}.{inner}"


def breaches(name: str) -> list[str]:
    """List what is wrong with the docstring of one public name, one line each."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        verdict = validate(name)
    docstring = verdict["docstring"]
    rules = RULES
    for section, codes in WHOLE.items():
        if f"{section}\n---" in "\n".join(line.strip() for line in docstring.splitlines()):
            rules = rules | codes
    if TELLING.search(docstring):
        rules = rules - {"RT03"}
    place = f"{verdict['file']}:{verdict['file_line']}" if verdict["file"] else name
    return [f"{place} {name}: {code} {why}" for code, why in verdict["errors"] if code in rules]


def main() -> int:
    """Print every breach of the package; the exit code is 1 if there was any."""
    package = importlib.import_module("analytics")
    found = []
    for module in modules(package):
        if not (module.__doc__ or "").strip():
            found.append(f"{module.__file__} {module.__name__}: GL08 no docstring")
        for name in public_names(module):
            found += breaches(name)
    print(*found, sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
