"""Feed of communications: daily roaming presence, coarse cells only."""

from __future__ import annotations

import pandera.pandas as pa

from analytics.codes import Purpose
from analytics.tables import columns as col


class ROAMING(pa.DataFrameModel):
    """One subscriber seen in one city on one day."""

    phone: col.Text = col.phone("用户号码", "subscriber's number", required=True)
    date: col.Date = col.date("日期", "day", required=True)
    city: col.Text = col.region("所在城市", "prefecture the phone was in", required=True)
    home: col.Text = col.region("归属地", "prefecture of the number", identifies="quasi")
    hours: col.Integer = col.integer(
        "停留时长", "hours seen there", unit="h", minimum=0, maximum=24
    )

    class Config:
        metadata = col.about(
            "communications",
            "漫游到访",
            key=("phone", "date", "city"),
            purposes=(Purpose.SCREENING, Purpose.TRAVEL, Purpose.RESETTLEMENT, Purpose.STATISTICS),
        )
