"""How many of the sites in an area had an activity, there and in each area below.

tree = read_coverage(session, "140100", date(2026, 1, 1), date(2026, 12, 31))
tree.active, tree.sites, tree.share       # 12, 20, 0.6
"""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import Words, called
from services.reporting.operations.access import TREE

# A site counts once it has a shift that was not called off: then it has an activity, as `measures.py` counts them.
SITES = text("""
SELECT area, count(*) AS sites, count(*) FILTER (WHERE EXISTS (
    SELECT FROM shifts
    WHERE shifts.site_id = sites.site_id AND shifts.day BETWEEN :first AND :last AND shifts.status = 'open'
)) AS active
FROM sites WHERE area = ANY(:areas) GROUP BY area
""")


@dataclass
class Coverage:
    """An area: its sites with all under it, how many of them had an activity, and the areas right below."""

    code: str
    name: Words
    sites: int = 0
    active: int = 0
    below: list["Coverage"] = field(default_factory=list)

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where there is no site."""
        return self.active / self.sites if self.sites else None


def read_coverage(session: Session, area: str, first: date, last: date) -> Coverage:
    """The area with all under it. It must be there; the session sees the shifts of its sites."""
    rows = session.execute(TREE, {"roots": [area]}).all()
    nodes = {row.code: Coverage(row.code, called(row)) for row in rows}
    paths = {row.code: row.path for row in rows}
    for row in rows[1:]:
        nodes[row.path[-2]].below.append(nodes[row.code])
    for found in session.execute(SITES, {"areas": list(nodes), "first": first, "last": last}):
        for code in paths[found.area]:
            nodes[code].sites += found.sites
            nodes[code].active += found.active
    return nodes[area]
