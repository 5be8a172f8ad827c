"""Doors for departments' deliveries: sources, intake, time nodes, linkage, archive."""
