"""What a page of reports is asked: of which area or site, from which day to which. The question is whole in the
address, so that whoever copies it from the browser passes on what they see.
"""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request

from services.common.pages import Form
from services.reporting.operations.access import Sight
from services.reporting.operations.scope import ZONE
from services.reporting.schemas import ParticipationQuery


def asked_question() -> dict[str, Any]:
    """What the address asks, as far as it does; `by` as a list."""
    asked: dict[str, Any] = {name: request.args[name] for name in ("of", "from", "to") if request.args.get(name)}
    if "by" in request.args:
        asked["by"] = [name for given in request.args.getlist("by") for name in given.split(",") if name] or [""]
    return asked


def usual_question(sight: Sight) -> dict[str, Any]:
    """All that is theirs, this year up to today."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    of = sight.topmost[0] if sight.topmost else str(sight.sites[0].site_id) if sight.sites else ""
    return {"of": of, "from": today.replace(month=1, day=1).isoformat(), "to": today.isoformat()}


def question_form(whole: dict[str, Any]) -> Form[ParticipationQuery]:
    """The question as the API takes it: an area's code has no form of an id."""
    form: Form[ParticipationQuery] = Form(whole)
    form.read(
        ParticipationQuery,
        {
            "site" if _is_id(whole["of"]) else "area": whole["of"] or None,
            "from": whole["from"],
            "to": whole["to"],
            "by": ",".join(whole.get("by", [])),
        },
    )
    if "area" in form.errors:
        form.errors["of"] = form.errors.pop("area")
    return form


def _is_id(written: str) -> bool:
    try:
        UUID(written)
    except ValueError:
        return False
    return len(written) == len(str(UUID(int=0)))
