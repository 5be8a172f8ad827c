"""
Areas to SVG: from a geographic coverage to the shapes of a map block.

The areas are projected to a Lambert azimuthal equal-area CRS centred on them (Snyder, 1987,
*Map Projections: A Working Manual*, USGS Professional Paper 1395), so that what looks large
is large; simplified together so that neighbours keep one common border (Visvalingam and
Whyatt, 1993, as in GEOS's coverage simplifier); and written as short relative SVG paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analytics.errors import ContractError
from analytics.render.blocks import AreaMap, Category, Shape, Table, Text

if TYPE_CHECKING:
    import geopandas as gpd

WIDTH: Final = 1000.0
MARGIN: Final = 6.0
COLUMNS: Final = ("code", "name_zh", "name_en", "category", "summary_zh", "summary_en")


def equal_area_crs(areas: gpd.GeoDataFrame) -> str:
    """
    Equal-area CRS centred on the areas, as a PROJ string.

    Parameters
    ----------
    areas : GeoDataFrame
        Areas in any CRS that is named.

    Returns
    -------
    str
        Lambert azimuthal equal-area on GRS 80 (the ellipsoid of CGCS2000), centre rounded to
        a tenth of a degree; units are metres.
    """
    west, south, east, north = areas.to_crs(4490).total_bounds
    longitude, latitude = round((west + east) / 2, 1), round((south + north) / 2, 1)
    return f"+proj=laea +lat_0={latitude} +lon_0={longitude} +ellps=GRS80 +units=m +no_defs"


def area_map(
    areas: gpd.GeoDataFrame,
    categories: Sequence[Category],
    *,
    title: Text,
    alternative: Text,
    note: Text,
    table: Table | None = None,
    detail: float = 1.5,
) -> AreaMap:
    """
    Draw areas by category.

    Parameters
    ----------
    areas : GeoDataFrame
        One row per area: ``code``, ``name_zh``, ``name_en``, ``category`` (a category's key),
        ``summary_zh``, ``summary_en`` (what a tap says), polygons in a named CRS; with a column
        ``parent`` the outlines of the level above are drawn over the areas.
    categories : sequence of Category
        Legend entries, in the order they are shown.
    title, alternative, note : Text
        Finding of the map, what one should see in it, and what to know about it; the CRS is
        added to the note.
    table : Table, optional
        The table beneath; rows with a key ``code`` are tied to their areas.
    detail : float
        Smallest detail kept [thousandths of the map's width].

    Returns
    -------
    AreaMap
        Shapes in units of a thousandth of the map's width, y downwards, exterior rings
        clockwise on the screen.

    Raises
    ------
    ContractError
        When columns or the CRS are missing, codes repeat, an area has no geometry or an
        unlisted category.
    """
    _check(areas, categories)
    crs = equal_area_crs(areas)
    scaled, height = _scale(areas.to_crs(crs).geometry.values)
    drawn = _simplify(scaled, detail)
    shapes = tuple(
        Shape(
            code=str(row.code),
            name=Text(str(row.name_zh), str(row.name_en)),
            path=path(polygon),
            category=str(row.category),
            summary=Text(str(row.summary_zh), str(row.summary_en)),
            **_label(polygon),
        )
        for row, polygon in zip(areas.itertuples(index=False), drawn, strict=True)
    )
    centre = crs.split("+ellps")[0].replace("+proj=laea", "").strip()
    return AreaMap(
        title=title,
        alternative=alternative,
        width=WIDTH,
        height=round(height, 1),
        shapes=shapes,
        outlines=_outlines(areas, drawn),
        categories=tuple(categories),
        note=Text(
            f"{note.zh}投影：等积方位投影（{centre}，GRS 80）。",
            f"{note.en} Projection: Lambert azimuthal equal-area ({centre}, GRS 80).".strip(),
        ),
        table=table,
    )


def path(geometry: Any, digits: int = 1) -> str:
    """
    SVG path data of a polygon or multipolygon.

    Parameters
    ----------
    geometry : shapely Polygon or MultiPolygon
        In the map's units, y downwards.
    digits : int
        Digits kept after the point; steps are differences of rounded positions, so rounding
        never adds up and neighbours stay closed.

    Returns
    -------
    str
        Relative moves; exterior rings clockwise on the screen, holes the other way.
    """
    import shapely

    # Seen with y downwards, what geometry calls counter-clockwise runs clockwise.
    oriented = shapely.orient_polygons(geometry, exterior_cw=False)
    unit = 10**digits
    pieces = []
    for polygon in shapely.get_parts(oriented):
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.rint(shapely.get_coordinates(ring)[:-1] * unit).astype(int)
            steps = np.diff(points, axis=0)
            steps = steps[np.any(steps != 0, axis=1)]
            if len(steps) < 2:  # noqa: PLR2004 - a ring needs three corners
                continue
            start = " ".join(_digits(value, digits) for value in points[0])
            moves = " ".join(_digits(value, digits) for value in steps.ravel())
            pieces.append(f"M{start}l{moves}z".replace(" -", "-"))
    return "".join(pieces)


def _digits(value: int, digits: int) -> str:
    """Shortest decimal form of an integer count of the last digit: 12 is 1.2, -5 is -.5."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(int(value)), 10**digits)
    if not rest:
        return f"{sign}{whole}"
    decimals = f"{rest:0{digits}d}".rstrip("0")
    return f"{sign}{whole or ''}.{decimals}"


def _check(areas: gpd.GeoDataFrame, categories: Sequence[Category]) -> None:
    breaches = [f"column {name} is missing" for name in COLUMNS if name not in areas.columns]
    if areas.crs is None:
        breaches.append("the CRS is not named")
    if not breaches:
        known = {category.key for category in categories}
        empty = areas.geometry.isna() | areas.geometry.is_empty
        unlisted = ~areas["category"].isin(known)
        repeated = areas["code"].duplicated()
        for what, rows in (
            ("have no geometry", empty),
            ("have a category the legend does not list", unlisted),
            ("repeat a code", repeated),
        ):
            if rows.any():
                codes = ", ".join(map(str, areas.loc[rows, "code"].head(5)))
                breaches.append(f"{int(rows.sum())} of {len(areas)} areas {what}: {codes}")
    if not len(areas):
        breaches.append("there are no areas")
    if breaches:
        raise ContractError("a map cannot be drawn from these areas", breaches)


def _scale(geometry: Any) -> tuple[Any, float]:
    """Metres to map units: width as stated, y downwards."""
    import shapely

    west, south, east, north = shapely.total_bounds(geometry)
    scale = (WIDTH - 2 * MARGIN) / max(east - west, 1e-9)
    height = (north - south) * scale + 2 * MARGIN

    def place(points: Any) -> Any:
        return np.column_stack(
            [MARGIN + (points[:, 0] - west) * scale, MARGIN + (north - points[:, 1]) * scale]
        )

    return shapely.transform(np.asarray(geometry), place), height


def _simplify(geometry: Any, detail: float) -> Any:
    """Simplify as one coverage; drop specks, but never the largest part of an area."""
    import shapely

    clean = np.array([_polygons(area) for area in shapely.make_valid(geometry)], dtype=object)
    drawn = shapely.coverage_simplify(clean, tolerance=detail)
    kept = []
    for original, area in zip(clean, drawn, strict=True):
        parts = list(shapely.get_parts(area if not area.is_empty else original))
        largest = max(parts, key=lambda part: part.area)
        parts = [part for part in parts if part is largest or part.area >= detail * detail]
        kept.append(shapely.multipolygons(parts))
    return np.array(kept, dtype=object)


def _polygons(geometry: Any) -> Any:
    """Only the polygons of a geometry: repairing may leave lines and points beside them."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.multipolygons([part for part in parts if part.geom_type == "Polygon"])


def _outlines(areas: gpd.GeoDataFrame, drawn: Any) -> tuple[str, ...]:
    import shapely

    if "parent" not in areas.columns:
        return ()
    parents = areas["parent"].astype(str).to_numpy()
    merged = [
        shapely.coverage_union_all(drawn[parents == parent]) for parent in dict.fromkeys(parents)
    ]
    return tuple(path(_without_slivers(area)) for area in merged)


def _without_slivers(area: Any) -> Any:
    """Area without the hairline holes that mismatched borders leave inside it."""
    import shapely

    parts = [
        shapely.Polygon(
            part.exterior,
            [hole for hole in part.interiors if shapely.Polygon(hole).area >= 1.0],
        )
        for part in shapely.get_parts(area)
        if part.geom_type == "Polygon"
    ]
    return shapely.multipolygons(parts)


def _label(polygon: Any) -> dict[str, Any]:
    """Place of the letter: centre of the largest circle that fits into the area."""
    import shapely

    largest = max(shapely.get_parts(polygon), key=lambda part: part.area)
    circle = shapely.maximum_inscribed_circle(largest, tolerance=0.5)
    x, y = shapely.get_coordinates(circle)[0]
    return {"label_at": (round(x, 1), round(y, 1)), "room": round(circle.length, 1)}
