"""The books: after a run, everything that was promised is compared with everything that is there.

Each check is a function from the `Material` of a run to findings; `CHECKS` is the list of them. A check reads rows
and mails that `material.py` fetched once, so that each can be tried on made-up rows.
"""

from collections.abc import Callable, Iterable

from tests.faults.books import (
    announcements,
    digests,
    effects,
    ends,
    groups,
    log,
    mails,
    notices,
    places,
    promises,
    refusals,
    reminders,
    returned,
    sms,
    subscribers,
    webhooks,
)
from tests.faults.books.material import Finding, Material

CHECKS: list[Callable[[Material], Iterable[Finding]]] = [
    promises.registrations_exist_as_acknowledged,
    promises.nobody_was_registered_twice,
    promises.refused_sign_ups_left_nothing,
    promises.overlaps_are_refused_with_reason,
    promises.accepts_hold,
    promises.cancels_hold,
    promises.attendance_holds,
    promises.shift_edits_hold,
    promises.nothing_unexpected_was_answered,
    log.partitions_are_gapless,
    log.everything_is_sequenced_and_counted,
    log.versions_rise_one_by_one,
    log.shift_versions_rise,
    log.activities_come_first,
    log.rows_and_log_agree,
    subscribers.nothing_lost_or_doubled,
    subscribers.order_kept,
    subscribers.cursors_at_heads,
    subscribers.nothing_parked,
    effects.registration_copies_agree,
    effects.facts_agree,
    effects.participation_equals_recount,
    places.capacity_was_never_exceeded,
    places.waitlist_was_never_skipped,
    places.counters_agree,
    places.nobody_is_in_two_places,
    mails.one_message_per_cause,
    mails.one_message_per_reminder,
    ends.every_message_ended,
    ends.every_message_ended_once,
    ends.each_went_to_whom_it_is_for,
    ends.nothing_came_early,
    ends.the_world_complains_of_nothing,
    mails.every_mail_has_its_message,
    mails.no_mail_twice,
    mails.no_mail_again_without_cause,
    mails.no_reminder_early,
    mails.every_reminder_was_decided,
    reminders.reminders_are_as_the_log_has_them,
    reminders.reminder_messages_are_as_the_log_has_them,
    notices.notices_are_as_the_log_has_them,
    notices.notices_reach_everyone_once,
    notices.nothing_due_was_left,
    announcements.announcements_ended,
    announcements.announcements_reach_everyone_once,
    announcements.nothing_goes_out_after_the_stop,
    returned.what_came_back_did_not_arrive,
    returned.nothing_is_mailed_to_a_closed_address,
    refusals.nothing_is_mailed_after_a_refusal,
    digests.digests_are_decided_once,
    digests.digests_reach_everyone_once,
    groups.groups_are_told_everything,
    groups.groups_are_told_again_only_in_doubt,
    sms.no_sms_twice,
    sms.every_sms_has_its_message,
    sms.receipts_were_heard,
    webhooks.every_event_has_its_delivery,
    webhooks.every_delivery_ended,
    webhooks.no_event_under_two_ids,
]


def audit(material: Material) -> list[Finding]:
    """Everything that is wrong."""
    return [finding for check in CHECKS for finding in check(material)]
