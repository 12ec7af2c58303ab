"""An announcement reaches each whom it is for once, after a second person approved it; once stopped, nobody more."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.books.material import AnnouncementRow, Finding, Material
from tests.faults.ledger import Told

HELD_SECONDS = 20.0
"""So long after it was stopped what a worker held may still arrive: its claim, and a mail server that hangs."""


def announcements_ended(material: Material) -> Iterator[Finding]:
    """Each is done, or stopped where somebody stopped it, and somebody else than its author approved it."""
    stopped = {one.id: one.stopped_at for one in material.ledger.announced}
    for row in material.announcements:
        wanted = ("done", "stopped") if stopped.get(row.id) else ("done",)
        if row.state not in wanted:
            yield Finding("unsent", f"announcement {row.id} is {row.state}")
        if row.approved_by is None or row.approved_by == row.created_by:
            yield Finding("promise", f"announcement {row.id} went out, approved by {row.approved_by}")


def announcements_reach_everyone_once(material: Material) -> Iterator[Finding]:
    """Everybody whom the site knew before has one message, nobody two, and none is of another site."""
    people = _people(material)
    for row in material.announcements:
        got = Counter(message.person_id for message in material.messages if message.announcement_id == row.id)
        for person_id, count in got.items():
            if count > 1:
                yield Finding("duplicated", f"person {person_id} has {count} messages of announcement {row.id}")
        if sum(got.values()) != row.written:
            yield Finding("duplicated", f"announcement {row.id} counts {row.written} people, and has {got.total()}")
        for person_id in got.keys() - people.get(row.site_id, set()):
            yield Finding("stray mail", f"announcement {row.id} goes to {person_id}, whom the site does not know")
        if row.state == "done":
            for person_id in _early(material, row) - got.keys():
                yield Finding("unsent", f"announcement {row.id} does not go to {person_id}")


def nothing_goes_out_after_the_stop(material: Material) -> Iterator[Finding]:
    """What a worker held when it was stopped may go; nothing else does."""
    ends = {one.id: one.stopped_at + HELD_SECONDS for one in material.ledger.announced if one.stopped_at}
    of = {m.message_id: ends[m.announcement_id] for m in material.messages if m.announcement_id in ends}
    for mail in material.mails:
        if mail.received_at > of.get(mail.message_id, mail.received_at):
            yield Finding("stopped", f"mail {mail.file} came {mail.received_at - of[mail.message_id]:.0f} s too late")


def _people(material: Material) -> dict[str, set[str]]:
    found = {site: {leader} for site, leader in material.world.leaders.items()}
    for row in material.registrations.values():
        found.setdefault(row.site_id, set()).add(row.person_id)
    return found


def _early(material: Material, row: AnnouncementRow) -> set[str]:
    """Who was signed up before anything was announced."""
    return {
        sign_up.person_id
        for sign_up in material.ledger.before
        if sign_up.told is Told.ACKED and sign_up.site_id == row.site_id
    }
