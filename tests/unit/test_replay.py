"""A replay's plan, other policies, the search for leaks, and what its account counts as lost."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from analytics import study as studies
from analytics.cli import app
from analytics.errors import ParameterError
from analytics.privacy import keys
from analytics.render import replay as render
from analytics.replay import account, leaks, policies
from analytics.replay import plan as plans
from analytics.replay import run as play
from analytics.reporting.parameters import DAILY, STANDARD

STUDY = "hubei-2020-simulated"
SPAN = (date(2020, 2, 20), date(2020, 2, 26))
NUMBER, PHONE = b"429901198001010017", b"15400000017"


def test_a_real_study_is_played_by_its_simulated_one():
    assert plans.simulated("hubei-2020") == STUDY
    assert plans.simulated(STUDY) == STUDY


def test_keys_of_a_replay_lie_outside_the_project_it_is_played_in(tmp_path, monkeypatch):
    """Where `make replay` plays, in reports/, keys may not lie; each folder has its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = set()
    for name in ("replay", "replay-100000"):
        with play.at_home(studies.root() / "reports" / name):
            folder, _ = keys.location(STUDY)
        assert folder.is_relative_to(tmp_path)
        found.add(folder)
    assert len(found) == 2


def test_every_impossible_choice_is_named_at_once():
    with pytest.raises(ParameterError) as caught:
        plans.make(study=STUDY, first=SPAN[0], last=SPAN[1], people=10, error=2)
    assert len(caught.value.breaches) == 2
    with pytest.raises(ParameterError):
        plans.make(study=STUDY, first=SPAN[1], last=SPAN[0])
    with pytest.raises(ParameterError) as caught:
        plans.make(study=STUDY, first=date(2019, 12, 1), last=SPAN[1])
    assert "2020-01-23" in caught.value.remedy


def test_reports_and_faults_come_on_their_days():
    plan = plans.make(study=STUDY, first=date(2020, 2, 20), last=date(2020, 4, 8), reports="daily")
    assert len(plan.days) == 49
    whole = [day for day in plan.days if plan.published(day) == STANDARD]
    assert [whole[0], whole[1], whole[-1]] == [
        date(2020, 2, 20), date(2020, 2, 27), date(2020, 4, 8)]  # fmt: skip
    assert {plan.published(day) for day in plan.days} == {STANDARD, DAILY}
    last = plan.model_copy(update={"reports": "last"})
    assert [day for day in plan.days if last.published(day)] == [date(2020, 4, 8)]
    struck = {plan.fault(day) for day in plan.days} - {None}
    assert struck == set(plans.FAULTS.values()) == set(render.FAULTS)


def test_another_plan_is_refused_where_one_was_begun(tmp_path):
    plan = plans.make(study=STUDY, first=SPAN[0], last=SPAN[1])
    plans.settle(plan, tmp_path)
    plans.settle(plan, tmp_path)
    with pytest.raises(ParameterError) as caught:
        plans.settle(plan.model_copy(update={"seed": 2, "people": 2000}), tmp_path)
    assert len(caught.value.breaches) == 2


def test_closing_a_channel_never_exports_more():
    runs = policies.compare(studies.load(STUDY), 20_000, range(1, 3), SPAN)
    wide = runs.pivot_table(index="seed", columns="policy")
    for measure in ("travellers", "exported"):
        left = wide[measure]
        assert (left[policies.SHUT] == 0).all()
        assert (left[policies.SHUT] <= left[policies.AS_IT_WAS]).all()
        assert (left[policies.AS_IT_WAS] <= left[policies.OPEN]).all()
    assert (wide["travellers"][policies.OPEN] > 0).all()
    again = policies.compare(studies.load(STUDY), 20_000, range(1, 2), SPAN)
    pd.testing.assert_frame_equal(again, runs[runs["seed"] == 1])


def test_gains_are_paired_by_seed_with_an_interval():
    """Differences 8, 10 and 12: mean 10, standard error 1.155, t(2; 97.5 %) = 4.303."""
    runs = pd.DataFrame([
        {"seed": seed, "policy": policy, "travellers": 0, "exported": exported, "infections": 5}
        for seed, gain in ((1, 8), (2, 10), (3, 12))
        for policy, exported in (
            (policies.AS_IT_WAS, seed), (policies.OPEN, seed + gain), (policies.SHUT, 0))
    ])  # fmt: skip
    table = policies.gains(runs).set_index(["policy", "measure"])
    row = table.loc[(policies.OPEN, "exported")]
    assert (row["difference"], row["seeds"]) == (10, 3)
    assert row["low"] == pytest.approx(10 - 4.3027 * 2 / 3**0.5, abs=1e-3)
    assert table.loc[(policies.AS_IT_WAS, "exported"), "difference"] == 0


def packed(kind: str, text: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(text)
    if kind == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"a": [text.decode()], "n": [1]}), sink)
        return sink.getvalue().to_pybytes()
    if kind == "workbook":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("xl/sharedStrings.xml", text)
        return stream.getvalue()
    if kind == "page":
        return b"<script>" + base64.b64encode(zlib.compress(text * 20)) + b"</script>"
    return text


@pytest.mark.parametrize("kind", ["plain", "gzip", "parquet", "workbook", "page"])
def test_a_number_in_any_packing_is_found_and_not_repeated(tmp_path, kind):
    (tmp_path / "kept").write_bytes(packed(kind, b"name;" + NUMBER + b";" + PHONE + b"\n"))
    (tmp_path / "clean").write_bytes(packed(kind, b"9" + NUMBER + b"0;42010620200229\n"))
    read, found = leaks.search([tmp_path], {NUMBER, PHONE})
    assert (read, found) == (2, {"kept": 2})


def test_whoever_no_part_of_a_balance_holds_is_counted_as_lost():
    whole = {
        "rows_pushed": 10, "rows_verified": 4, "rows_outstanding": 5, "rows_returned": 1,
        "stranded": 7, "stranded_placed": 3, "stranded_waiting": 4,
    }  # fmt: skip
    assert account._unaccounted(whole) == 0
    assert account._unaccounted(whole | {"stranded_waiting": 3, "rows_verified": 2}) == 3


def test_the_command_says_what_it_refuses(tmp_path):
    result = CliRunner().invoke(app, ["replay", "--from", "tomorrow", "--output", str(tmp_path)])
    assert isinstance(result.exception, ParameterError)
    (tmp_path / "plan.json").write_text(json.dumps({"study": "other"}))
    result = CliRunner().invoke(app, ["replay", "--output", str(tmp_path)])
    assert isinstance(result.exception, ParameterError)
    assert "--anew" in result.exception.remedy
