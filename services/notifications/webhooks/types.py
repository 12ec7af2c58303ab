"""Which events sites are told of: all that are of one site, but for what lets somebody in.

Keys' fingerprints and one-time links are the system's own. Everything else that names a site goes there, also types
that are yet to come.
"""

from functools import cache

from services.common.events import EVENT_TYPES, LinkIssued, SiteKeyIssued, SiteKeyRevoked

KEPT_BACK = {event.type for event in (LinkIssued, SiteKeyIssued, SiteKeyRevoked)}

TEST = "hesheng.webhook.test.v1"
"""What “send a test” sends; in no log."""


@cache
def told_types() -> list[str]:
    """The names of their types."""
    return sorted(
        name for name, model in EVENT_TYPES.items() if "site_id" in model.model_fields and name not in KEPT_BACK
    )


def kind_of(name: str) -> str:
    """By what an endpoint asks for all types of a kind: `hesheng.shift.*` of `hesheng.shift.opened.v1`."""
    return ".".join([*name.split(".")[:2], "*"])


@cache
def kinds() -> dict[str, list[str]]:
    """The kinds with their types."""
    found: dict[str, list[str]] = {}
    for name in told_types():
        found.setdefault(kind_of(name), []).append(name)
    return found
