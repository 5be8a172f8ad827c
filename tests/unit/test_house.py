"""The house holds its own rules: lists that must agree, docs that must not drift."""

import ast
import hashlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import MatchSpec

from analytics import codes, errors

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tool(name: str) -> ModuleType:
    """Load one script of the house, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def table_rows(text: str, columns: int) -> list[list[str]]:
    """Cells of all Markdown table rows with that many columns, but for heads and rules."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = [i for i, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
    heads = {i - 1 for i in rules}
    return [
        row
        for i, row in enumerate(rows)
        if i not in heads and i not in rules and len(row) == columns
    ]


# --- dependencies


def test_environment_file_is_what_the_generator_writes():
    expected = tool("environment").environment(ROOT / "pyproject.toml")
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == expected


def test_every_conda_spec_parses_and_none_is_lost():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    conda, pip = text.split("- pip:\n")
    specs = re.findall(r'^  - "(.+)"$', conda, flags=re.MULTILINE)
    names = {MatchSpec(spec, strict=True).name.normalized for spec in specs}
    renamed = {"ibis-framework": "ibis-duckdb", "duckdb": "python-duckdb"}
    renamed |= {"pandera": "pandera-pandas"}
    for line in PROJECT["dependencies"]:
        name = canonicalize_name(Requirement(line).name)
        assert renamed.get(name, name) in names or f'"{name}' in pip, name


@pytest.mark.parametrize(
    ("requirement", "spec"),
    [
        ("pandas>=3.0,<4", "pandas >=3.0,<4"),
        ("duckdb==1.5.5", "python-duckdb ==1.5.5"),
        ("pandera[pandas]>=0.35,<0.36", "pandera-pandas >=0.35,<0.36"),
        ("Typer", "typer"),
    ],
)
def test_requirement_becomes_conda_spec(requirement, spec):
    assert tool("environment").conda_spec(Requirement(requirement)) == spec


def test_environment_check_fails_when_a_dependency_is_added(tmp_path, monkeypatch, capsys):
    environment = tool("environment")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        text.replace('dependencies = [\n    "', 'dependencies = [\n    "astropy>=7",\n    "', 1)
    )
    (tmp_path / "environment.yml").write_text((ROOT / "environment.yml").read_text())
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "TARGET", tmp_path / "environment.yml")
    assert environment.main(["--check"]) == 1
    assert '+  - "astropy >=7"' in capsys.readouterr().out
    assert environment.main([]) == 0
    assert environment.main(["--check"]) == 0


def test_lock_holds_what_the_project_asks_for():
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (own,) = [p for p in lock["package"] if p["name"] == PROJECT["name"]]
    wanted = {(canonicalize_name(r.name), str(r.specifier)) for r in required("dependencies")}
    locked = {
        (entry["name"], str(Requirement(f"x{entry.get('specifier', '')}").specifier))
        for entry in own["metadata"]["requires-dist"]
        if "extra ==" not in entry.get("marker", "")
    }
    assert locked == wanted
    assert sorted(own["optional-dependencies"]) == sorted(PROJECT["optional-dependencies"])


def required(part: str) -> list[Requirement]:
    """Requirements of the project, or of all its extras."""
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (PROJECT[part] if part == "dependencies" else extras)]


def test_every_dependency_has_its_reason():
    record = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
    needed = {r.name for r in required("dependencies")}
    extra = {r.name for r in required("optional-dependencies")}
    assert [row[0] for row in table_rows(record, 2)] == sorted(needed)
    assert {row[0] for row in table_rows(record, 3)} == extra - needed


def test_plotly_is_the_same_in_python_and_on_the_page():
    banner = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")[:200]
    inside = re.search(r"plotly\.js v(\d+\.\d+\.\d+)", banner)
    part = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert inside is not None
    assert part["plotly.js-basic-dist-min"] == inside[1]
    script = ROOT / "node_modules/plotly.js-basic-dist-min/plotly-basic.min.js"
    assert f"v{inside[1]}" in script.read_text(encoding="utf-8")[:200]


def test_front_end_lock_names_hashes_and_no_address():
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    package = json.loads((ROOT / "package.json").read_text())
    entries = json.loads(text)["packages"]
    named = package["dependencies"] | package["devDependencies"]
    locked = {path.removeprefix("node_modules/"): e for path, e in entries.items() if path}
    assert {name: entry["version"] for name, entry in locked.items()} == named
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert "://" not in text


# --- docs


def all_errors() -> dict[str, int]:
    """Exit code of every class in the error tree."""
    return {
        name: member.exit_code
        for name, member in vars(errors).items()
        if inspect.isclass(member) and issubclass(member, errors.WorkbenchError)
    }


def test_exit_codes_in_docs_and_drawn_tree_are_the_classes_own():
    for name in ("conventions.md", "conventions.zh.md"):
        rows = table_rows((ROOT / "docs" / name).read_text(encoding="utf-8"), 3)
        assert {row[1].strip("`"): int(row[0]) for row in rows if row[1]} == all_errors()
    drawn = re.findall(r"(\w+Error)\s+(\d+)\s", inspect.getdoc(errors) or "")
    assert {name: int(code) for name, code in drawn} == all_errors()


def test_exit_codes_are_distinct_and_leave_python_and_the_shell_theirs():
    taken = sorted(all_errors().values())
    assert len(set(taken)) == len(taken)
    assert all(3 <= code < 126 for code in taken)


def test_glossary_is_whole_and_says_each_thing_once():
    rows = table_rows((ROOT / "GLOSSARY.md").read_text(encoding="utf-8"), 4)
    assert len(rows) >= 70
    assert all(all(row) for row in rows)
    for column in (0, 1):
        terms = [row[column] for row in rows]
        assert len(set(terms)) == len(terms)
    assert all(re.search("[一-鿿]", row[0]) and re.search("[一-鿿]", row[3]) for row in rows)


@pytest.mark.parametrize(
    ("vocabulary", "suffix"), [(codes.RiskGrade, " risk"), (codes.HealthCode, " code")]
)
def test_glossary_has_every_grade_and_code(vocabulary, suffix):
    terms = {row[1] for row in table_rows((ROOT / "GLOSSARY.md").read_text("utf-8"), 4)}
    assert {f"{member}{suffix}" for member in vocabulary} <= terms


def markdown() -> list[Path]:
    """Every page of prose in the project."""
    kept = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").rglob("*.md")]
    return sorted([*kept, ROOT / "reports/README.md"])


@pytest.mark.parametrize("page", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def pictures(page: Path) -> list[tuple[Path, str]]:
    """File and words of every picture on a page."""
    tags = re.findall(r"<img [^>]*>", page.read_text(encoding="utf-8"))
    found = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in tags]
    return [((page.parent / one["src"]).resolve(), one["alt"]) for one in found]


@pytest.mark.parametrize("page", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pictures_are_there_in_the_language_of_their_page_and_say_what_they_show(page):
    """Figures in the words that stand for a picture are in the picture."""
    language = "zh" if page.name.endswith(".zh.md") else "en"
    record = json.loads((ROOT / "docs/images/shown.json").read_text(encoding="utf-8"))
    for picture, words in pictures(page):
        assert picture.exists()
        assert picture.stem.endswith(f".{language}")
        assert len(words) > 5
        said, shown = (
            set(re.findall(r"\d+(?:[.,]\d+)*", text))
            for text in (words, record[picture.stem]["words"])
        )
        assert said <= shown, f"{picture.name}: {said - shown}"


def test_every_picture_is_shown_and_all_are_small():
    images = ROOT / "docs" / "images"
    shown = {picture for page in markdown() for picture, _ in pictures(page)}
    assert shown == set(images.glob("*.webp"))
    content = {path.stem: path.read_bytes() for path in shown}
    assert tool("screenshots").heavy(content) == []
    record = json.loads((images / "shown.json").read_text(encoding="utf-8"))
    hashes = {name: hashlib.sha256(one).hexdigest() for name, one in content.items()}
    assert hashes == {name: entry["sha256"] for name, entry in record.items()}


def test_readme_says_the_same_commands_in_both_languages():
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    english, chinese = [
        sorted(
            {
                *re.findall(r"(?:^|`)(make [a-z-]+)", page, re.MULTILINE),
                *(link.replace(".zh.md", ".md") for link in re.findall(r"\]\(([^)]+)\)", page)),
            }
        )
        for page in pages
    ]
    assert english == chinese
    shown = set(re.findall(r"(?:^|`)make ([a-z-]+)", pages[0], re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert shown <= targets


def written_by_a_script(page: str) -> bool:
    """Whether a page says that a script made it."""
    return bool(re.search(r"(?:[Ww]ritten|Made)\b[^.]{,40}\bby\s+`", page))


def test_every_guide_written_by_hand_is_there_in_chinese():
    english = [page for page in (ROOT / "docs").glob("*.md") if ".zh." not in page.name]
    by_hand = [page for page in english if not written_by_a_script(page.read_text("utf-8"))]
    assert len(by_hand) >= 15
    assert [p.name for p in by_hand if not p.with_suffix(".zh.md").exists()] == []


def said_alike(page: str) -> dict[str, object]:
    """What a guide says in any language: links, commands, code, and how it is laid out."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    .*", page, re.MULTILINE)
    code = [re.sub(r"\s+#.*", "", line) for line in "\n".join([*fenced, *indented]).splitlines()]
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page)
    return {
        "links": {link.replace(".zh.md", ".md") for link in links},
        "commands": set(re.findall(r"`((?:workbench|make|uv|papermill) [^`]+)`", page)),
        "code": [line for line in code if line.isascii()],
        "headings": re.findall(r"^(#+) ", page, re.MULTILINE),
        "rows": sorted(line.count("|") for line in page.splitlines() if line.startswith("|")),
    }


@pytest.mark.parametrize("chinese", sorted((ROOT / "docs").glob("*.zh.md")), ids=lambda p: p.name)
def test_a_guide_says_the_same_in_both_languages(chinese):
    english = chinese.with_name(chinese.name.replace(".zh.md", ".md"))
    pages = [page.read_text(encoding="utf-8") for page in (english, chinese)]
    assert [page.splitlines()[2] for page in pages] == [
        f"[中文]({chinese.name})",
        f"[English]({english.name})",
    ]
    assert said_alike(pages[0]) == said_alike(pages[1])


@pytest.mark.parametrize(
    "chinese", [p for p in markdown() if ".zh." in p.name], ids=lambda p: p.name
)
def test_a_chinese_page_leads_to_chinese_guides_and_its_bold_words_end(chinese):
    """Bold that ends in a full stop or colon before a word is no bold in CommonMark."""
    page = chinese.read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page))
    twins = {link: chinese.parent / link.replace(".md", ".zh.md") for link in links}
    own = chinese.name.replace(".zh.md", ".md")
    assert [link for link, twin in twins.items() if link != own and twin.exists()] == []
    bold = re.findall(r"\*\*([^*]+)\*\*(.?)", page)
    assert [
        words for words, after in bold if words[-1] in "，。：；！？）”" and after.isalnum()
    ] == []


# --- shape


def long_functions(source: str, most: int) -> list[str]:
    """Functions with more lines than that, their docstring not counted."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - docstring
            if lines > most:
                found.append(f"{node.name}: {lines} lines")
    return found


def test_no_function_is_longer_than_a_screen():
    assert long_functions("def f():\n" + "    x = 1\n" * 60, 60) == ["f: 61 lines"]
    sources = [p for room in ("src", "tools", "benchmarks") for p in (ROOT / room).rglob("*.py")]
    found = {str(p.relative_to(ROOT)): long_functions(p.read_text("utf-8"), 60) for p in sources}
    assert {path: names for path, names in found.items() if names} == {}


def test_notebooks_hold_at_most_sixty_lines_of_code():
    lengths = {
        path.name: sum(
            bool(line.strip()) and not line.lstrip().startswith("#")
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"
            for line in "".join(cell["source"]).splitlines()
        )
        for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}


# --- checks that check


def test_notebook_with_an_output_is_found(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": "# A"},
        {"cell_type": "code", "source": "1", "outputs": [], "execution_count": None},
        {"cell_type": "code", "source": "1", "outputs": [{"data": {}}], "execution_count": 3},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": cells[:2]}))
    found = tool("check").loaded_notebooks(tmp_path)
    assert found == ["a.ipynb: cell 3 holds outputs and execution_count"]


DOCUMENTED = '''
"""A module."""

def whole(cases, days):
    """
    Sum cases.

    Parameters
    ----------
    cases : int
        How many.
    days : int
        How long.
    """

def half(cases, days):
    """
    Sum cases.

    Parameters
    ----------
    cases : int
        How many.
    """

def bare(cases):
    return cases

def short(cases):
    """Sum cases."""
'''


def test_docstring_check_finds_what_is_missing(tmp_path, monkeypatch):
    (tmp_path / "drawn_module.py").write_text(DOCUMENTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    docstrings = tool("docstrings")
    module = importlib.import_module("drawn_module")
    found = {name: docstrings.breaches(name) for name in docstrings.public_names(module)}
    codes_of = {
        name.rpartition(".")[2]: re.findall(r": ([A-Z]{2}\d\d) ", "\n".join(lines))
        for name, lines in found.items()
    }
    assert codes_of == {"whole": [], "half": ["PR01"], "bare": ["GL08"], "short": []}


def test_check_reports_every_check_and_fails_if_one_does(monkeypatch, capsys):
    check = tool("check")
    python = [sys.executable, "-c"]
    drawn = {
        "good": [*python, "print('fine')"],
        "bad": [*python, "print('seen'); raise SystemExit(3)"],
        "also bad": [*python, "raise SystemExit(1)"],
    }
    monkeypatch.setattr(check, "CHECKS", drawn)
    assert check.main([]) == 1
    printed = capsys.readouterr().out
    outcomes = dict(re.findall(r"^check (.+?) +(passed|FAILED)", printed, re.MULTILINE))
    assert outcomes == {"good": "passed", "bad": "FAILED", "also bad": "FAILED"}
    assert "seen" in printed
    monkeypatch.setattr(check, "CHECKS", {"good": drawn["good"]})
    assert check.main([]) == 0


def test_floors_are_exhaustive_and_refuse_a_step_up(tmp_path):
    """A copy of the package breaks the contract when a low floor imports a higher one."""
    (tmp_path / "src").mkdir()
    package = tmp_path / "src" / "analytics"
    for room in ("cli", "render", "methods"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "errors.py").write_text("")
    contract = (ROOT / "pyproject.toml").read_text().split("[tool.importlinter]")[1]
    layers = contract.split("[[tool.importlinter.contracts]]")[1]
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.importlinter]\nroot_package = 'analytics'\n[[tool.importlinter.contracts]]{layers}"
    )

    def kept() -> bool:
        command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path / "src"), "PATH": "", "LANG": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    assert kept()
    (package / "methods" / "__init__.py").write_text("from analytics import render\n")
    assert not kept()
    (package / "methods" / "__init__.py").write_text("")
    (package / "loft.py").write_text("")
    assert not kept()


def test_verification_names_every_proof_and_keeps_what_a_part_left_out(tmp_path):
    verification = tool("verification")
    report = tmp_path / "proofs.xml"
    report.write_text(
        "<testsuites><testsuite><testcase classname='tests.faults.test_kill' name='test_a' "
        "time='2.5'/><testcase classname='tests.faults.test_kill' name='test_b[1|2]' time='0.1'>"
        "<failure message='no'/></testcase></testsuite></testsuites>"
    )
    there = ["faults.test_kill.test_b[1|2]", "faults.test_kill.test_a", "faults.test_kill.test_c"]
    now = verification.proofs(report, "2020-02-29", "abc123")
    page = verification.summary(verification.merged(there, [], now))
    assert "1 of 3 proofs held" in page
    later = [verification.Proof("faults.test_kill.test_c", "held", 1.0, "2020-03-01", "def456")]
    again = verification.merged(there[1:], verification.earlier(page), later)
    rows = table_rows(verification.summary(again), 5)
    assert rows == [
        ["`faults.test_kill.test_a`", "held", "2.5", "2020-02-29", "abc123"],
        ["`faults.test_kill.test_c`", "held", "1.0", "2020-03-01", "def456"],
    ]
    both = verification.merged(there, verification.earlier(page), [])
    assert verification.summary(both) == page
