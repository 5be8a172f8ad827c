"""Records of departments in one spelling."""

from __future__ import annotations

from analytics.pool.linkage.standard import standardise
from analytics.pool.linkage.workspace import workspace


def test_spellings_agree_and_bad_rows_wait(tmp_path):
    with workspace(tmp_path) as connection:
        connection.execute(
            "create table raw as select * from (values "
            "('a','police','王　芳','11010519491231002x','1949-12-31',"
            "'+86 13800000000','420106',null),"
            "('b','health','王芳','110105491231002','1949/12/31','13800000000','420106',null),"
            "('c',null,'王芳',null,null,null,null,null)) t(record, department, name, id_card, "
            "birth_date, phone, county, address)"
        )
        taken = standardise(connection, "raw")
        rows = connection.execute(
            "select name, number, id_valid, birth, phone from batch order by record"
        ).fetchall()
        waiting = connection.execute("from quarantine").fetchall()
    assert (taken.accepted, taken.quarantined) == (2, 1)
    assert rows[0] == ("王芳", "11010519491231002X", True, "19491231", "13800000000")
    assert rows[0] == rows[1]
    assert waiting == [(3, "department: unknown")]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["workspace.lock"]
