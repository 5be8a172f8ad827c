"""
Colours of charts and maps: one hue per scale, safe for colour-blind eyes and grey printers.

Grades step through one orange-brown hue in equal steps of lightness (after the sequential
schemes of Harrower and Brewer, 2003, *ColorBrewer.org*); what is not known for certain is
striped in slate, never filled with a grade's colour.
"""

from __future__ import annotations

from typing import Final

from analytics.render.blocks import Category, Text

INK: Final = "#18212b"
QUIET: Final = "#4b5763"
RULE: Final = "#d3d9df"
PRIMARY: Final = "#2f6690"
PALE: Final = "#b9cfe0"
SECONDARY: Final = "#8a5a00"
SERIES: Final = ("#1b4f7f", "#b3611a", "#4d7a52", "#7a4f8f", "#59636e")

RAMP: Final = ("#fdf0dc", "#fbd5a0", "#f2a65a", "#c96a22", "#7f3208")
"""Five steps from light to severe, for a quantity cut into classes."""

GRADES: Final = (
    Category("low", Text("低风险", "Low"), Text("低", "L"), "#fbe3c0"),
    Category("medium", Text("中风险", "Medium"), Text("中", "M"), "#e8954a"),
    Category("high", Text("高风险", "High"), Text("高", "H"), "#8a3a0c"),
    Category(
        "low|medium",
        Text("低或中（未定）", "Low or medium (undetermined)"),
        Text("低中", "L–M"),
        "#8b97a3",
        hatched=True,
    ),
    Category(
        "low|medium|high",
        Text("低、中或高（未定）", "Low, medium or high (undetermined)"),
        "?",
        "#55606b",
        hatched=True,
    ),
)
"""Legend of the three grades and of the sets that the evidence may leave open."""
