"""
Build hook: a built wheel carries the page's front-end part, which lies in node_modules.

An editable install (what `make` sets up) reads node_modules itself and needs no copy. A
source archive carries node_modules' file along, so that a wheel can be built from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PART = "node_modules/plotly.js-basic-dist-min/plotly-basic.min.js"
PLACE = "analytics/render/assets/plotly-basic.min.js"


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc] # hatchling is there at build time only
    """Hatch finds the hook by this name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the part to what is built, or say how to get it."""
        if version == "editable":
            return
        source = Path(self.root) / PART
        if not source.is_file():
            raise FileNotFoundError(f"'{PART}' is missing: run 'npm ci --omit=dev' first")
        place = PART if self.target_name == "sdist" else PLACE
        build_data["force_include"][str(source)] = place
