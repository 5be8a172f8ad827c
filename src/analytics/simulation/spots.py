"""Where gates and sites stand: points inside the boundaries of their counties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analytics.errors import SourceError
from analytics.pool import boundaries

if TYPE_CHECKING:
    from analytics.simulation.draws import IntArray
    from analytics.simulation.world import World

_NEAR = 0.6  # of the way from a county's middle to a point drawn in its bounding box
_ROUNDS = 200


def coordinates(world: World, county: IntArray, label: str) -> tuple[pa.Array, pa.Array]:
    """
    Draw a point for each place, inside its county and nearer its middle than its edge.

    Parameters
    ----------
    world : World
    county : array (places,)
        Positions of counties.
    label : str
        Name of the draws.

    Returns
    -------
    tuple of pyarrow.Array
        Longitude and latitude [degrees, EPSG:4490] as text of five decimals; none where the
        county's boundary is not known.
    """
    import shapely

    shapes = _shapes(world)
    area = np.array([shapes.get(code) for code in world.people.places.counties], dtype=object)
    area = area[county]
    known = shapely.is_geometry(area)
    middle = shapely.get_coordinates(shapely.point_on_surface(area[known]))
    west, south, east, north = shapely.bounds(area[known]).T
    generator, found = world.draws(label), middle.copy()
    left = np.arange(len(middle))
    for _ in range(_ROUNDS):
        draw = generator.random((len(middle), 2))
        drawn = np.stack([west, south], 1) + draw * np.stack([east - west, north - south], 1)
        point = np.round(middle + _NEAR * (drawn - middle), 5)[left]
        inside = shapely.contains_xy(area[known][left], point)
        found[left[inside]] = point[inside]
        left = left[~inside]
        if not left.size:
            break
    at = pa.array(np.cumsum(known) - 1, mask=~known)
    longitude, latitude = (pa.array([f"{x:.5f}" for x in axis], pa.string()) for axis in found.T)
    return longitude.take(at), latitude.take(at)


def _shapes(world: World) -> dict[str, Any]:
    """Boundary of each county, and of each prefecture that is graded as one."""
    shapes: dict[str, Any] = {}
    for level in ("prefecture", "county"):
        try:
            frame = boundaries.read(world.base, level)
        except SourceError:
            continue
        shapes |= dict(zip(frame["adcode"], frame.geometry, strict=True))
    return shapes
