"""One person across departments: nights, merges, explanations, one value for each column."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from tests.made_up_people import records

from analytics.errors import ArchiveError, ContractError, ParameterError
from analytics.pool import linkage
from analytics.pool.linkage import training

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def people():
    return records(900, seed=11)


@pytest.fixture(scope="module")
def model(people, tmp_path_factory):
    """Trained once, stored, and read again."""
    path = tmp_path_factory.mktemp("model") / "model.json"
    with opened(path.parent) as connection:
        connection.register("raw", people)
        linkage.standardise(connection, "raw")
        linkage.train(connection, pairs=2e5).save(path)
    return linkage.Model.load(path)


@pytest.fixture(scope="module")
def linked(people, model, tmp_path_factory):
    """Two nights: most records, then those of each tenth person."""
    late = pa.compute.equal(pa.compute.bit_wise_and(people["truth"], 7), 0)
    with opened(tmp_path_factory.mktemp("linked")) as connection:
        connection.register("truth_table", people.select(["record", "department", "truth"]))
        connection.execute("create table truth as from truth_table")
        first = link(connection, people.filter(pa.compute.invert(late)), model, "first")
        second = link(connection, people, model, "second")
        yield connection, first, second


def opened(folder, store=None, key=None):
    return linkage.workspace(folder, store=store, key=key, memory_limit_mb=500)


def link(connection, table, model, batch):
    connection.register("raw", table.select(list(linkage.RECORD_COLUMNS)))
    return linkage.link(connection, "raw", model, batch)


def people_of(connection):
    rows = connection.execute("select department, record, person from store.main.RECORDS")
    return {(department, record): person for department, record, person in rows.fetchall()}


def made(rows):
    return pa.Table.from_pylist(
        [dict.fromkeys(linkage.RECORD_COLUMNS) | row for row in rows],
        pa.schema([(column, pa.string()) for column in linkage.RECORD_COLUMNS]),
    )


def test_people_are_found_again(linked):
    connection, _, _ = linked
    scores = linkage.evaluate(connection, "truth")
    assert scores["precision"] >= 0.99
    assert scores["recall"] >= 0.97
    assert scores["cluster_f1"] >= 0.95


def decision(left, right, together):
    row = dict(zip(linkage.DECIDED.names, (*left, *right, together), strict=True))
    return pa.Table.from_pylist([row], linkage.DECIDED)


def test_answers_about_pairs_go_before_the_model(people, model, tmp_path):
    """Two of one person found to be two part, and stay so; two people found to be one join."""
    with opened(tmp_path) as connection:
        link(connection, people, model, "first")
        before = people_of(connection)
        held = {}
        for record, person in sorted(before.items()):
            held.setdefault(person, []).append(record)
        one, other = next(group for group in held.values() if len(group) == 2)
        connection.register("raw", people.select(list(linkage.RECORD_COLUMNS)))
        parted = decision(one, other, together=False)
        for batch in ("second", "third"):
            linkage.link(connection, "raw", model, batch, decided=parted)
            after = people_of(connection)
            assert after[one] != after[other]
            assert {k: v for k, v in before.items() if k != other} == {
                k: v for k, v in after.items() if k != other
            }
        joined = decision(one, other, together=True)
        linkage.link(connection, "raw", model, "fourth", decided=joined)
        assert before == people_of(connection)


def test_scores_of_a_drawn_case(tmp_path):
    """Truth {a b c} {d}; found {a b} {c d}: 1 of 2 linked pairs is true, of 3; no person whole."""
    with opened(tmp_path) as connection:
        connection.execute(
            "create table store.main.RECORDS as select * from (values ('a', 1), ('b', 1), "
            "('c', 2), ('d', 2)) t(record, person), (select 'x' as department)"
        )
        connection.execute(
            "create table truth as select * from (values ('a', 7), ('b', 7), ('c', 7), ('d', 8)) "
            "t(record, truth), (select 'x' as department)"
        )
        scores = linkage.evaluate(connection, "truth")
    assert (scores["precision"], scores["recall"], scores["f1"]) == (1 / 2, 1 / 3, 2 / 5)
    assert scores["cluster_f1"] == 0


def test_no_two_records_of_a_department_are_one_person(linked):
    connection, _, _ = linked
    found = connection.execute(
        "select count(*) from (select 1 from store.main.RECORDS group by person, department "
        "having count(*) > 1)"
    ).fetchone()
    assert found == (0,)


def test_a_second_night_leaves_what_it_knows(linked, people):
    _, first, second = linked
    assert first.accepted + second.accepted - second.unchanged == people.num_rows
    assert second.unchanged == first.accepted
    assert second.changed == 0
    assert second.joined + second.persons > 0


def test_a_night_that_brings_nothing_new_changes_nothing(people, model, tmp_path):
    few = people.slice(0, 200)
    with opened(tmp_path) as connection:
        link(connection, few, model, "first")
        before = people_of(connection)
        night = link(connection, few, model, "again")
        assert people_of(connection) == before
    assert (night.unchanged, night.persons, night.merged) == (few.num_rows, 0, 0)


def test_a_record_may_join_two_persons_and_the_older_key_stays(model, tmp_path):
    number, phone = "420106198001010010", "13900000001"
    police = {"record": "p", "department": "police", "name": "欧阳静", "id_card": number}
    health = {"record": "h", "department": "health", "name": "欧阳静", "phone": phone}
    telecom = {"record": "t", "department": "telecom", "name": "欧阳静"}
    telecom |= {"id_card": number, "phone": phone}
    with opened(tmp_path) as connection:
        link(connection, made([police, health]), model, "first")
        before = people_of(connection)
        assert before["police", "p"] != before["health", "h"]
        night = link(connection, made([telecom]), model, "second")
        after = people_of(connection)
        events = connection.execute(
            "select batch, event, person, former from store.main.LINKAGE_EVENTS"
        ).fetchall()
    low, high = sorted(before.values())
    assert set(after.values()) == {low}
    assert events == [("second", "merged", low, high)]
    assert (night.joined, night.merged, night.persons) == (1, 1, 0)


def test_a_corrected_record_may_move_and_that_is_told(model, tmp_path):
    first = {"record": "p1", "department": "police", "name": "欧阳静"}
    first |= {"id_card": "420106198001010010"}
    other = {"record": "p2", "department": "police", "name": "司马伟"}
    other |= {"id_card": "420106197512310039"}
    health = {"record": "h", "department": "health", "name": "欧阳静"}
    with opened(tmp_path) as connection:
        link(connection, made([first, other, health | {"id_card": first["id_card"]}]), model, "one")
        before = people_of(connection)
        corrected = health | {"name": "司马伟", "id_card": other["id_card"]}
        night = link(connection, made([corrected]), model, "two")
        after = people_of(connection)
    assert before["health", "h"] == before["police", "p1"]
    assert after["health", "h"] == before["police", "p2"]
    assert (night.changed, night.moved) == (1, 1)


def test_every_link_can_be_explained(linked, model):
    """Weights of prior and comparisons add up to the weight a link was made by."""
    connection, _, _ = linked
    pairs = connection.execute(
        "select department_left, record_left, department_right, record_right, weight "
        "from store.main.LINKS where batch = 'second' and decision = 'linked' "
        "order by probability, record_left limit 2"
    ).fetchall()
    assert pairs
    for left_department, left, right_department, right, weight in pairs:
        table = linkage.explain(
            connection, model, (left_department, left), (right_department, right)
        )
        assert table["total"].iloc[-1] == pytest.approx(weight, abs=1e-6)
        assert table["weight"].sum() == pytest.approx(weight, abs=1e-6)
        stated = table.dropna(subset=["m"])
        assert np.log2(stated["m"] / stated["u"]).to_numpy() == pytest.approx(
            stated["weight"].to_numpy(), abs=1e-6
        )
    with pytest.raises(ParameterError, match="the left record"):
        linkage.explain(connection, model, ("police", "nobody"), ("health", "nobody"))


def test_pairs_for_review_are_unsure_or_refused_and_name_nobody(linked, model):
    connection, first, second = linked
    waiting = linkage.review(connection, model)
    low, high = model.review
    for row in waiting.to_pylist():
        assert low <= row["probability"] <= high or row["decision"] == "refused"
    assert waiting.num_rows == first.review + second.review > 0
    assert not {"name", "phone", "id_card", "number"} & set(waiting.column_names)


def test_one_value_for_each_column_by_rule_with_its_origin(model, tmp_path):
    number = "110105194912310021"
    rows = [
        {"record": "1", "department": "police", "name": "王芳", "phone": "13900000002"},
        {"record": "1", "department": "health", "name": "王芳", "phone": "13900000003"},
        {"record": "1", "department": "telecom", "name": "王方", "phone": "13900000003"},
    ]
    with opened(tmp_path) as connection:
        link(connection, made([row | {"id_card": number} for row in rows]), model, "one")
        linkage.resolve(connection)
        person = connection.execute("select name, number, phone from persons").fetchall()
        origin = connection.execute(
            'select "column", department, records, agreeing, "values" from lineage '
            "where \"column\" in ('name', 'phone') order by all"
        ).fetchall()
        linkage.resolve(connection, {"number": ("telecom",)})
        trusted = connection.execute(
            "select department from lineage where \"column\" = 'number'"
        ).fetchall()
        with pytest.raises(ParameterError):
            linkage.resolve(connection, {"shoe_size": ("police",)})
    assert person == [("王芳", number, "13900000003")]
    assert origin == [("name", "health", 3, 2, 2), ("phone", "health", 3, 2, 2)]
    assert trusted == [("telecom",)]


def test_error_rates_by_group_count_ordered_pairs(linked):
    connection, _, _ = linked
    rates = linkage.error_rates(connection, "truth").set_index("group")
    assert rates.loc["all", "records"] == len(people_of(connection))
    assert (rates["missed"] >= rates["missed_lower"] - 1e-12).all()
    assert (rates["missed"] <= rates["missed_upper"] + 1e-12).all()
    assert rates.loc["no phone", "records"] < rates.loc["all", "records"]


def test_the_store_opens_with_its_key_only(people, model, tmp_path):
    store = tmp_path / "persons.duckdb"
    with opened(tmp_path, store=store, key=KEY) as connection:
        link(connection, people.slice(0, 300), model, "one")
        before = people_of(connection)
    with (
        pytest.raises(ArchiveError, match="cannot be opened"),
        opened(tmp_path, store=store, key=KEY[::-1]),
    ):
        pass
    with pytest.raises(ArchiveError, match="needs a key"), opened(tmp_path, store=store):
        pass
    with opened(tmp_path, store=store, key=KEY) as connection:
        assert people_of(connection) == before


def test_no_personal_value_lies_in_clear(people, model, tmp_path):
    few = people.slice(0, 300)
    with opened(tmp_path, store=tmp_path / "persons.duckdb", key=KEY) as connection:
        link(connection, few, model, "one")
        linkage.resolve(connection)
        model.save(tmp_path / "model.json")
        connection.execute("checkpoint store")
        content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(content) > 100_000
    for column in ("name", "id_card", "phone", "address"):
        for value in filter(None, few[column].to_pylist()):
            assert value.encode() not in content


def test_errors_hold_no_value(people, model, tmp_path):
    broken = linkage.Model({**model.settings, "comparisons": []}, 0.5, (0.1, 0.9), {})
    with opened(tmp_path) as connection, pytest.raises(ContractError) as caught:
        link(connection, people.slice(0, 50), broken, "one")
    assert caught.value.__cause__ is None
    for value in people.slice(0, 50)["name"].to_pylist():
        assert value not in str(caught.value)


def test_one_department_cannot_train(people, tmp_path):
    only = people.filter(pa.compute.equal(people["department"], "police"))
    with opened(tmp_path) as connection:
        connection.register("raw", only)
        linkage.standardise(connection, "raw")
        with pytest.raises(ContractError, match="cannot be trained"):
            linkage.train(connection)


@pytest.mark.parametrize("stage", ["number", "name", "address"])
def test_an_interrupted_training_gives_no_model(people, tmp_path, monkeypatch, stage):
    """Not one without what it was learning, and no complaint about the records."""
    rule = training.definition.rule

    def interrupted(*columns):  # noqa: ANN002, ANN202
        if stage in columns:
            raise RuntimeError("Query interrupted") from KeyboardInterrupt()
        return rule(*columns)

    monkeypatch.setattr(training.definition, "rule", interrupted)
    with opened(tmp_path) as connection:
        connection.register("raw", people)
        linkage.standardise(connection, "raw")
        with pytest.raises(RuntimeError, match="Query interrupted"):
            linkage.train(connection, pairs=2e5)


def test_a_model_of_others_is_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"settings": {}}))
    with pytest.raises(ContractError, match=r"model\.json"):
        linkage.Model.load(path)


def test_every_pair_for_review_says_why_in_both_languages(linked, model):
    """The reasons are the levels that the explanation names, without any value."""
    connection, _, _ = linked
    told = linkage.reasoned(connection, model, linkage.review(connection, model))
    assert told.num_rows > 0
    assert len(set(told["pair"].to_pylist())) == told.num_rows
    row = told.slice(told.num_rows // 2, 1).to_pylist()[0]
    table = linkage.explain(
        connection,
        model,
        (row["department_left"], row["record_left"]),
        (row["department_right"], row["record_right"]),
    )
    levels = table[~table["level"].isin(["", "rarity"])]
    expected = levels["comparison"] + ": " + levels["level"].str.removeprefix("household: ")
    assert row["reasons_en"].split("; ") == expected.tolist()
    assert len(row["reasons_zh"].split("；")) == 4
    for text in told["reasons_zh"].to_pylist():
        assert not set("abcdefghijklmnopqrstuvwxyz0123456789") & set(text)
