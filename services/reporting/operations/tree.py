"""Whose cells answer for an area or a site in a month: its own where they are fresh, else those below, else the facts.

tree = read_tree(session, scope, months)
for source in tree.sources("140107", date(2026, 1, 1)): ...
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# Which areas have cells that hold and that row-level security shows.
UNITED = text("""
SELECT code FROM areas JOIN tree ON built = version
WHERE coalesce(current_setting('hesheng.site', true), '') = '*'
   OR code = ANY(string_to_array(current_setting('hesheng.areas', true), ','))
""")
AREAS = text("SELECT code, parent FROM areas")
SITES = text("SELECT site_id, area FROM sites WHERE site_id = ANY(cast(:sites AS uuid[]))")
DIRTY = text("SELECT DISTINCT site_id, month FROM dirty WHERE month = ANY(cast(:months AS date[]))")
STALE = text("SELECT area, month FROM stale WHERE month = ANY(cast(:months AS date[]))")

Node = str | UUID
"""An area by its code, or a site by its id."""


@dataclass(frozen=True)
class Source:
    """Where to read a month of a node: its cells, or for a site the facts."""

    what: Literal["area", "site", "facts"]
    node: Node
    month: date


@dataclass
class Tree:
    """The sites asked for and what lies above them. `united`: the areas that have cells which the caller may read;
    `outrun`: the months of nodes whose cells are behind."""

    united: frozenset[str]
    below: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    above: dict[Node, str] = field(default_factory=dict)
    outrun: set[tuple[Node, date]] = field(default_factory=set)

    def sources(self, node: Node, month: date, passed: tuple[Node, ...] = ()) -> Iterator[Source]:
        """What together is the node's month. `passed`: areas that must not be gone into again, should there be a
        ring."""
        if isinstance(node, UUID):
            yield Source("facts" if (node, month) in self.outrun else "site", node, month)
        elif node in self.united and (node, month) not in self.outrun:
            yield Source("area", node, month)
        else:
            for child in self.below.get(node, ()):
                if child not in passed:
                    yield from self.sources(child, month, (*passed, node))

    def outruns(self, node: Node, month: date) -> None:
        """The node's cells are behind in this month, and so are those above it."""
        while (node, month) not in self.outrun:
            self.outrun.add((node, month))
            if node not in self.above:
                return
            node = self.above[node]


def read_tree(session: Session, sites: Sequence[UUID], months: Sequence[date]) -> Tree:
    """The tree over these sites in this snapshot."""
    tree = Tree(frozenset(session.scalars(UNITED)))
    for code, parent in session.execute(AREAS):
        _hang(tree, code, parent)
    for site, area in session.execute(SITES, {"sites": list(sites)}):
        _hang(tree, site, area)
    for site, month in session.execute(DIRTY, {"months": list(months)}):
        tree.outruns(site, month)
    for area, month in session.execute(STALE, {"months": list(months)}):
        tree.outruns(area, month)
    return tree


def _hang(tree: Tree, node: Node, parent: str | None) -> None:
    if parent is not None:
        tree.above[node] = parent
        tree.below[parent].append(node)
