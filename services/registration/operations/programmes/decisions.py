"""What a site decides on offered changes. Accepting one does what the site's own edit would: rules, mails and all."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.errors import CHANGED_MEANWHILE, FieldErrors, Problem, Words, not_found
from services.common.outbox import add_events
from services.registration.models import Activity
from services.registration.operations import locked
from services.registration.operations.activities.activities import cancel_activity, edit_activity, lock_activity
from services.registration.operations.activities.shifts import add_shifts, cancel_shift, change_shift
from services.registration.operations.programmes.authority import lock_programme
from services.registration.operations.programmes.changes import WHEN, WISHES, AtSite, Change, offered, open_changes
from services.registration.operations.programmes.clones import (
    clone_at,
    draft_activities,
    parts_at,
    place_at,
    shift_columns,
)
from services.registration.operations.seats.seats import lock_shift
from services.registration.operations.sites.organisations import set_parts
from services.registration.schemas.activities import ActivityEdit
from services.registration.schemas.programmes import (
    ActivityTemplate,
    OfferAnswer,
    OfferDecisionBody,
    OrganisationWish,
    ShiftTemplate,
)
from services.registration.schemas.requirements import Requirements


def decide(session: Session, programme_id: UUID, site_id: UUID, body: OfferDecisionBody) -> OfferAnswer:
    """Accept and decline changes at a site, all of them or none; returns what is still offered."""
    programme = lock_programme(session, programme_id)
    clone = session.scalars(locked(clone_at(programme_id, site_id))).one_or_none()
    if clone is None:
        raise not_found("这个站点的项目", "programme at this site")
    if programme.version != body.programme_version:
        raise Problem(
            CHANGED_MEANWHILE,
            Words(
                f"项目现在是第 {programme.version} 版，请重新查看后再决定。",
                f"The programme is at version {programme.version} now. Look again, then decide.",
            ),
        )
    here = AtSite(session, clone)
    found = {one.path: one for one in open_changes(programme.template, clone) if here.concerns(one)}
    _check_offered(body, found)
    accepted = [change for path, change in found.items() if path in set(body.accept)]
    taken, declined = deepcopy(clone.taken), dict(clone.declined)
    _apply(session, here, accepted)
    for change in accepted:
        _note(taken, change)
        declined.pop(change.path, None)
    declined |= {path: {"after": found[path].after} for path in body.decline}
    if (taken, declined) != (clone.taken, clone.declined):
        clone.taken, clone.declined, clone.version = taken, declined, clone.version + 1
        session.flush()
    return offered(session, programme, site_id)


def _check_offered(body: OfferDecisionBody, found: dict[str, Change]) -> None:
    errors = FieldErrors()
    for name, paths in (("accept", body.accept), ("decline", body.decline)):
        for place, path in enumerate(paths):
            if path not in found:
                errors.add(f"{name}.{place}", Words("现在没有这项改动。", "is not offered now."))
    for path in set(body.accept) & set(body.decline):
        errors.add("decline", Words(f"{path[:100]} 不能既接受又拒绝。", f"names {path[:100]}, which is accepted too."))
    errors.raise_any()


def _apply(session: Session, here: AtSite, accepted: Sequence[Change]) -> None:
    """Do it, one activity after the other by id, so that two sites' staff never wait for each other in a ring."""
    ids = {key: one.id for key, one in here.activities.items()}
    by_activity: dict[str, list[Change]] = {}
    for change in accepted:
        by_activity.setdefault(change.activity_key, []).append(change)
    for key in sorted(by_activity, key=lambda key: str(ids.get(key, ""))):
        _to_activity(session, here, key, by_activity[key])


def _to_activity(session: Session, here: AtSite, key: str, changes: Sequence[Change]) -> None:
    whole = next((change for change in changes if change.shift_key is None and change.field is None), None)
    if whole is not None and whole.change == "added":
        draft_activities(session, here.clone, here.site, [ActivityTemplate.model_validate(whole.after)])
        return
    activity, _ = lock_activity(session, here.activities[key].id)
    if whole is not None:
        cancel_activity(session, activity.id)
        return
    for shift_key in dict.fromkeys(change.shift_key for change in changes if change.shift_key):
        of_shift = [change for change in changes if change.shift_key == shift_key]
        _trying(of_shift[0], lambda s=shift_key, c=of_shift: _to_shift(session, here, activity, s, c))  # type: ignore[misc]
    fields = [change for change in changes if change.shift_key is None and change.field not in WISHES]
    for change in [change for change in fields if change.field == "organisations"]:
        fields.remove(change)
        wishes = [OrganisationWish.model_validate(one) for one in change.after]
        set_parts(session, activity.id, parts_at(session, here.site, wishes), None)
    if fields:
        edit = ActivityEdit.model_validate(_columns(here, fields))
        _trying(fields[0], lambda: edit_activity(session, activity.id, edit, None))


def _to_shift(session: Session, here: AtSite, activity: Activity, key: str, changes: Sequence[Change]) -> None:
    first = changes[0]
    if first.change == "added":
        columns = shift_columns(here.clone.first_day, here.zone, ShiftTemplate.model_validate(first.after))
        add_shifts(session, activity, [columns])
        return
    shift = lock_shift(session, here.shifts[first.activity_key, key].id)
    if first.change == "removed":
        cancel_shift(session, shift.id)
        return
    columns = {}
    for change in changes:
        if change.field == "when":
            columns |= here.times({"key": key, "capacity": 1} | change.after)
        elif change.field == "requirements":
            columns["requirements"] = Requirements.model_validate(change.after).stored()
        else:
            columns[str(change.field)] = change.after
    add_events(session, change_shift(session, shift, columns))


def _columns(here: AtSite, changes: Sequence[Change]) -> dict[str, Any]:
    """The fields as an edit of the activity has them."""
    edit: dict[str, Any] = {}
    for change in changes:
        if change.field == "place":
            edit["place"] = place_at(here.site, change.after)
        elif change.field == "window":
            shifts = next(one["shifts"] for one in here.clone.taken if one["key"] == change.activity_key)
            template = {"key": "x", "kind": "other", "title_zh": "x", "shifts": shifts, "window": change.after}
            edit |= here.window(template)
        else:
            edit[str(change.field)] = change.after
    return edit


def _trying(change: Change, act: Callable[[], object]) -> None:
    """What a rule refuses is told with the change that it concerns."""
    try:
        act()
    except Problem as problem:
        words = Words(f"{change.path}:{problem.detail.zh}", f"{change.path}: {problem.detail.en}")
        raise Problem(problem.kind, words, problem.errors, **problem.members) from None


def _note(taken: list[dict[str, Any]], change: Change) -> None:
    """Write into what the site took that it took this as well."""
    activity = next((one for one in taken if one["key"] == change.activity_key), None)
    if activity is None or (change.shift_key is None and change.field is None):
        taken[:] = [one for one in taken if one["key"] != change.activity_key]
        taken.extend([change.after] if change.after else [])
        return
    if change.shift_key is None:
        activity[str(change.field)] = change.after
        return
    shift = next((one for one in activity["shifts"] if one["key"] == change.shift_key), None)
    if shift is None or change.field is None:
        activity["shifts"] = [one for one in activity["shifts"] if one["key"] != change.shift_key]
        activity["shifts"] += [change.after] if change.after else []
    elif change.field == "when":
        shift.update({name: change.after[name] for name in WHEN})
    else:
        shift[change.field] = change.after
