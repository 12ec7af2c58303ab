"""Whom an announcement goes to, as registration is asked; who may ask; and until when it says anything to anybody."""

from typing import Any
from uuid import UUID

from services.common.auth import Caller, Principal, Role

ENDS_AT = """(
    SELECT max(s.ends_at) FROM shifts AS s
    WHERE a.audience ->> 'to' = 'activity' AND s.activity_id = (a.audience ->> 'activity_id')::uuid
      AND (a.audience -> 'shift_ids' = '[]' OR a.audience -> 'shift_ids' ? s.id::text))
"""
"""When the last of the shifts is over that an announcement `a` is about; null for one about no activity. What was to be
told before that is not told after it."""


def looks_after_areas(principal: Principal) -> bool:
    """Whether they may write to areas at all: which ones, registration says. A site's key never does."""
    return principal.is_operator or (principal.caller is Caller.STAFF and principal.role is Role.AREA_ADMIN)


def staff_id_of(principal: Principal) -> UUID | None:
    """Who asks; None for the operator's key, and for a site's, which asks for nothing beyond its site."""
    return UUID(principal.name) if principal.caller is Caller.STAFF else None


def question_of(audience: dict[str, Any], site_id: UUID | None, asked_by: UUID | None = None) -> dict[str, Any]:
    """The question about an audience as it is kept. Without `asked_by` it was allowed before: when it was approved."""
    question = {name: value for name, value in audience.items() if value is not None}
    question |= {"site_id": str(site_id)} if site_id else {}
    return question | ({"asked_by": str(asked_by)} if asked_by else {})
