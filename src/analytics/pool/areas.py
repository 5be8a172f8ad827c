"""
Counties of a study's region and the prefectures they lie in.

``regions.csv`` (adcode, name, name_en, level, parent) names them; where it is absent, names come
with the boundaries and the English pages show the Chinese names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analytics import codes
from analytics.pool import boundaries

if TYPE_CHECKING:
    from analytics.study import Study


def areas(study: Study) -> pd.DataFrame:
    """
    Read the counties of a study's region and the prefectures they lie in.

    Returns
    -------
    AREAS table
        adcode, name, name_en, prefecture, prefecture_name, prefecture_name_en, district.
    """
    path = study.folder / "regions.csv"
    names = pd.read_csv(path, dtype=str) if path.is_file() else boundaries.names(study)
    label = names.drop_duplicates("adcode").set_index("adcode")
    counties = names[names["level"].isin(["county", "direct"])]
    prefecture = counties["adcode"].map(codes.prefecture_of)
    frame = pd.DataFrame(
        {
            "adcode": counties["adcode"],
            "name": counties["name"],
            "name_en": counties["name_en"],
            "prefecture": prefecture,
            "prefecture_name": prefecture.map(label["name"]),
            "prefecture_name_en": prefecture.map(label["name_en"]),
            "district": counties["adcode"].map(codes.is_district).astype(bool),
        }
    )
    return frame.sort_values("adcode").reset_index(drop=True)
