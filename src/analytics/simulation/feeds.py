"""All feeds of all departments, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.simulation import care, clinical, contacts, journeys, official, registers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.simulation.world import Rows, World

SILENT = (
    "hotels_elsewhere",  # of a volunteers' list; nobody keeps one for a simulated province
    "official_grades",  # of lists that commands drew up; nobody draws up simulated ones
    "code_appeals", "foreign_codes",  # nobody in the simulated province appeals or comes with one
    "pushes", "verifications",  # what the workbench writes itself
)  # fmt: skip


def every(world: World) -> Iterator[Rows]:
    """Rows of each feed; only one feed is held at a time."""
    sick = clinical.course(world)
    yield official.counts(world, sick)
    yield official.county_cumulative(world, sick)
    yield official.population(world)
    yield official.outflow_shares(world)
    yield official.mobility_shares(world)
    yield official.mobility_scale(world)
    yield official.duty_roster(world)
    for make in (registers.resident_register, registers.community_registration,
                 registers.declarations, registers.return_to_work, registers.student_rolls,
                 journeys.gates, journeys.gate_staff, journeys.checkpoint_passes,
                 journeys.tickets, journeys.hotel_stays, journeys.exit_entry,
                 journeys.channel_status, journeys.roaming):  # fmt: skip
        yield make(world)
    yield clinical.cases(world, sick)
    yield clinical.fever_visits(world, sick)
    yield clinical.tests(world, sick)
    yield clinical.beds(world, sick)
    met = contacts.met(world, sick)
    yield contacts.contacts(world, met)
    yield contacts.quarantine(world, sick, met)
    yield contacts.clusters(world, sick)
    yield from _care(world)


def _care(world: World) -> Iterator[Rows]:
    held = care.stranded(world)
    yield care.registration(world, held)
    yield care.hotline(world, held)
    where, listed = care.sites(world)
    yield listed
    found = care.stays(world, held, where)
    yield care.placements(world, held, found)
    yield care.rooms(world, where, found)
    yield care.assistance(world, held)
    yield care.vehicles(world)
