"""Whatever is typed, a command answers plainly, with a documented exit code and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import workbench_root

from analytics import cli, errors
from analytics.reporting import laboratory, run
from analytics.simulation import province

DOCUMENTED = {
    0, 2, *(e.exit_code for e in vars(errors).values()
            if isinstance(e, type) and issubclass(e, errors.WorkbenchError)),
}  # fmt: skip
NASTY = [
    "", " ", "-", "--", "x", "0", "-1", "９", "1e309", "nan", "99999999999999999999",
    "2020-02-30", "2020-13-01", "29/02/2020", "9999-12-31", "0001-01-01", "2020-02-29T00:00",
    "2020-02-29,", ",", "420199", "000000", "武汉", "武汉市江岸区区", "江案区",
    "../../etc/passwd", "/proc/self/mem", "/dev/full", "/no/such/place", "hubei-2020/../x",
    "cases", "cases:onset", "beds,cases", "=HYPERLINK(1)", "'; DROP TABLE x; --", "{{7*7}}",
    "%s%n", "\udcff", "🤖" * 50, "a" * 5000, "study=x", "window_days=", "=", "-p", "--help",
    "audit:1:" + "0" * 64, "audit:x", "con", "\u202egnp.exe", "line\nbreak", "\x1b[2J",
]  # fmt: skip


def leaves(command, path=()):
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, each in (below or {}).items():
        yield from leaves(each, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(cli.app)))
LONG = (("place",), ("sites", "whatif"), ("assistance",))  # each example places everyone anew


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A small workbench; what would run for long is kept from running once it was accepted."""
    folder = tmp_path_factory.mktemp("typed")
    with pytest.MonkeyPatch.context() as patch:
        root = workbench_root.make(folder / "workbench")
        simulated = Path(__file__).parents[2] / "data" / "hubei-2020-simulated"
        for name in ("study.toml", "simulation.toml", "regions.csv"):
            (root / "data" / simulated.name).mkdir(exist_ok=True)
            shutil.copy(simulated / name, root / "data" / simulated.name)
        patch.setenv("WORKBENCH_ROOT", str(root))
        patch.setenv("WORKBENCH_KEYS", str(folder / "keys"))
        patch.setattr(run, "make_all", lambda *_, **__: iter(()))
        patch.setattr(laboratory, "start", laboratory.command)
        patch.setattr(province, "simulate", refused_after_checks(province.simulate))
        patch.chdir(folder)
        yield folder


def refused_after_checks(simulate):
    """The simulation's own checks, and no simulation of a whole province."""

    def checked(study, people, *given, **options):  # noqa: ANN002, ANN003, ANN202
        return simulate(study, min(people, 0), *given, **options)

    return checked


def typed(*arguments):  # noqa: ANN002
    """Exit code and what was said of a command line run in this process."""
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    code: object = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        patch.setattr(sys, "argv", ["workbench", *arguments])
        patch.setattr(sys, "stdin", io.StringIO(""))
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    said.seek(0)
    return code, said.read()


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow if p in LONG else ()) for p in COMMANDS],
    ids=" ".join,
)
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.data())
@pytest.mark.fault("nonsense in any option", "command line", "a documented exit code, no traceback")
def test_no_value_of_any_option_ends_in_a_traceback(path, drawn):
    """Every option and argument of every command, with values nobody should type."""
    arguments = list(path)
    for parameter in COMMANDS[path].params:
        if parameter.name == "help" or not drawn.draw(st.booleans(), label=parameter.name):
            continue
        names = [name for name in parameter.opts if name.startswith("-")]
        value = drawn.draw(st.sampled_from(NASTY), label="value")
        flag = getattr(parameter, "is_flag", False)
        arguments += [names[0], *([] if flag else [value])] if names else [value]
    code, said = typed(*arguments)
    assert code in DOCUMENTED, (arguments, said)
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["pool", "--as-of", "2020-02-30"], errors.ParameterError, "2020-02-29"),
        (["deliveries", "list", "--as-of", "9999-12-31"], errors.ParameterError, "last day"),
        (["purge", "--before", "1.3.2020"], errors.ParameterError, "2020-02-29"),
        (["simulate", "--from", "2020-02-31"], errors.ParameterError, "2020-02-29"),
        (["deliveries", "template", "casess"], errors.ContractError, "cases"),
        (["audit", "verify", "--manifests", "no/such"], errors.ParameterError, "no folder"),
        (["report", "--verify", "no/such.html"], errors.ParameterError, "no page"),
        (["deliveries", "template", "cases", "--output", "/no/such"], errors.WorkbenchError, "/no"),
    ],
)
@pytest.mark.fault("bad date", "command line", "refused with the form that would do")
def test_bad_dates_names_and_places_are_answered_with_what_would_do(arguments, code, said):
    found, answer = typed(*arguments)
    assert (found, said in answer) == (code.exit_code, True), answer


@pytest.mark.fault(
    "unknown county", "command line", "nearest name suggested; the cell itself not repeated"
)
def test_unknown_counties_are_answered_with_the_nearest(place):
    """The nearest name of the gazetteer is suggested; what was written is not repeated."""
    file = place / "beds.csv"
    file.write_text(
        "facility,date,county,beds\nA,2020-02-01,江岸去,1\nB,2020-02-01,江岸区,1\n"
        "C,2020-02-01,420199,1\nD,2020-02-01,欧阳某某,1\n"
    )
    code, said = typed("deliveries", "check", str(file), "--feed", "beds")
    assert code == errors.ContractError.exit_code
    assert "county: unknown_region, 3 rows, first row 1" in said
    assert "row 1: did you mean 江岸 (420102)?" in said
    assert "row 3: codes of 湖北省武汉市 begin with 4201" in said
    assert "江岸去" not in said
    assert "欧阳某某" not in said


@pytest.mark.fault(
    "unforeseen error quoting a person", "command line", "kind and place told, its message not"
)
def test_an_error_nobody_foresaw_tells_no_value(monkeypatch):
    """Its message may quote a row; only its kind and place are told."""
    from analytics.pool import archive

    def stumbles(_folder):  # noqa: ANN202
        raise ValueError("could not convert '11010519491231002X'")

    monkeypatch.setattr(archive, "verify", stumbles)
    code, said = typed("archive", "verify")
    assert code == 1
    assert re.search(r"ValueError .* in .*pool.py:verify", said)
    assert "11010519491231002X" not in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gb18030"])
@pytest.mark.fault(
    "terminal without Chinese", "command line", "characters escaped, the command goes on"
)
def test_a_terminal_without_chinese_ends_no_command(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "analytics", "report", "武汉"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == errors.ParameterError.exit_code, done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_traceback(place):
    command = f"{sys.executable} -m analytics deliveries --help | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, cwd=Path(place))
    assert b"Traceback" not in done.stderr
