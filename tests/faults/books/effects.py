"""What the subscribers made of the log equals what registration has."""

from collections.abc import Iterator
from typing import Any

from tests.faults.books.material import Finding, Material, RegistrationRow
from tests.faults.books.recount import FIGURES


def registration_copies_agree(material: Material) -> Iterator[Finding]:
    """Notifications' copy of each registration has its status."""
    yield from _compare("notifications", material, material.copies, ("status",))


def facts_agree(material: Material) -> Iterator[Finding]:
    """Reporting's fact of each registration has its status, version and attendance."""
    yield from _compare("reporting", material, material.facts, ("status", "version", "outcome", "service_minutes"))


def _compare(name: str, material: Material, copies: list[dict[str, Any]], fields: tuple[str, ...]) -> Iterator[Finding]:
    rest = dict(material.registrations)
    for copy in copies:
        row = rest.pop(copy["id"], None)
        if row is None:
            yield Finding("effects", f"{name} knows registration {copy['id']}, which does not exist")
        elif differing := _differing(row, copy, fields):
            yield Finding("effects", f"{name}: registration {row.id} has {differing}")
    for row in rest.values():
        yield Finding("effects", f"{name} does not know registration {row.id}")


def _differing(row: RegistrationRow, copy: dict[str, Any], fields: tuple[str, ...]) -> str:
    return ", ".join(
        f"{field} {copy[field]} instead of {getattr(row, field)}"
        for field in fields
        if copy[field] != getattr(row, field)
    )


def participation_equals_recount(material: Material) -> Iterator[Finding]:
    """Every figure of every scope; a figure that one side lacks counts as nothing."""
    for count in material.recounts:
        for figure in FIGURES:
            reported, recounted = count.reported.get(figure), count.recounted.get(figure, 0)
            if reported != recounted:
                yield Finding("report", f"{count.scope}: {figure} is reported as {reported}, recounted as {recounted}")
