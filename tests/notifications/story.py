"""Events as registration would send them: each call is something that happened, applied through the subscriber."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.common import events
from services.common.apply import Applied
from services.common.database import Database
from services.common.events import Envelope, Event
from services.common.outbox import Page
from services.notifications.handlers import make_subscriber
from services.notifications.handlers.clocks import follow_clocks
from services.notifications.settings import Settings

NEVER = ("00:00", "00:00")
"""No quiet hours, so that a test's moments are where it puts them at any time of day."""


class Story:
    """One site with one activity, and whatever is told of them."""

    def __init__(self, settings: Settings, database: Database, people: dict[str, dict[str, Any]]) -> None:
        self.subscriber = make_subscriber(settings, database)
        self.database = database
        self.epoch = uuid4()
        self.sequences = dict.fromkeys(range(events.PARTITIONS), 0)
        self.people = people
        self.site_id = uuid4()
        self.activity: dict[str, Any] = {
            "activity_id": uuid4(), "activity_number": 1, "site_id": self.site_id,
            "kind": events.ActivityKind.REHEARSAL, "title_zh": "合唱排练", "title_en": "Choir rehearsal",
            "place": "赛马场党群服务中心二楼", "volunteering": False, "reminder_minutes": [1440, 120],
        }  # fmt: skip
        self.numbers = itertools.count(1)

    def tell(self, *happened: Event, at: datetime | None = None, request_id: str = "req-1") -> list[Page]:
        """Apply events, each run of one partition as one page; answers the pages."""
        pages = []
        for partition, run in itertools.groupby(happened, key=lambda event: _partition(event.aggregate)):
            envelopes = [self._envelope(event, partition, at, request_id) for event in run]
            page = Page(producer="registration", epoch=self.epoch, partition=partition,
                        head=self.sequences[partition], events=envelopes)  # fmt: skip
            pages.append(page)
            assert self.subscriber.apply_page(page) is Applied.DONE
        while follow_clocks(self.database):
            pass
        return pages

    def _envelope(self, event: Event, partition: int, at: datetime | None, request_id: str) -> Envelope:
        self.sequences[partition] += 1
        return Envelope(
            id=uuid4(), source="/hesheng/registration", type=event.type, subject=event.aggregate,
            time=at or datetime.now(UTC), partition=partition, sequence=self.sequences[partition],
            requestid=request_id, data=event.model_dump(mode="json"),
        )  # fmt: skip

    def opening(
        self,
        starts_in: timedelta = timedelta(days=3),
        zone: str = "Asia/Shanghai",
        quiet: tuple[str, str] = NEVER,
        at: datetime | None = None,
        **activity: Any,
    ) -> UUID:
        """A site publishes an activity with one shift; answers the shift."""
        self.activity |= activity
        self.save_site(zone, quiet, at)
        self.tell(events.ActivityPublished(**self.activity), at=at)
        shift_id = uuid4()
        self.tell(events.ShiftOpened(**self.shift(shift_id, datetime.now(UTC) + starts_in)), at=at)
        return shift_id

    def save_site(
        self, zone: str = "Asia/Shanghai", quiet: tuple[str, str] = NEVER, at: datetime | None = None
    ) -> None:
        """The site as it now stands."""
        self.tell(events.SiteSaved(site_id=self.site_id, area="140107", name_zh="赛马场站", name_en="Saimachang",
                                   time_zone=zone, quiet_from=quiet[0], quiet_until=quiet[1]), at=at)  # fmt: skip

    def shift(self, shift_id: UUID, starts_at: datetime, **other: Any) -> dict[str, Any]:
        return {
            "shift_id": shift_id, "activity_id": self.activity["activity_id"], "site_id": self.site_id, "version": 1,
            "role_zh": "歌手", "role_en": "singer", "starts_at": starts_at, "ends_at": starts_at + timedelta(hours=2),
            "local_day": "2026-12-01", "capacity": 50,
        } | other  # fmt: skip

    def person(
        self, email: str | None, name: str = "王小明", language: str = "zh-CN", phone: str | None = None
    ) -> UUID:
        """Somebody whom registration can say the contact of."""
        person_id = uuid4()
        self.people[str(person_id)] = {
            "person_id": str(person_id), "name": name, "email": email, "phone": phone, "language": language,
        }  # fmt: skip
        return person_id

    def registration(self, shift_id: UUID, person_id: UUID) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "registration_id": uuid4(), "version": 1, "shift_id": shift_id, "site_id": self.site_id,
            "activity_id": self.activity["activity_id"], "person_id": person_id, "person_number": number,
            "age_band": events.AgeBand.FROM_35,
        }  # fmt: skip

    def sign_up(self, shift_id: UUID, email: str | None = "wang@example.org", **person: Any) -> dict[str, Any]:
        """A person gets a place; answers the registration's facts."""
        facts = self.registration(shift_id, self.person(email, **person))
        self.tell(events.RegistrationConfirmed(**facts))
        return facts

    def wait(self, shift_id: UUID, email: str = "li@example.org", **person: Any) -> dict[str, Any]:
        """A person is put on the waitlist."""
        facts = self.registration(shift_id, self.person(email, **person))
        self.tell(events.RegistrationWaitlisted(**facts))
        return facts

    def cancel(self, facts: dict[str, Any], reason: str = "person", was_waitlisted: bool = False) -> None:
        cancelled = facts | {"version": 9, "reason": reason, "was_waitlisted": was_waitlisted}
        self.tell(events.RegistrationCancelled(**cancelled))

    def change_shift(self, shift_id: UUID, starts_at: datetime, at: datetime | None = None, **other: Any) -> None:
        self.tell(events.ShiftChanged(**self.shift(shift_id, starts_at, **other)), at=at)

    def change_activity(self, **changed: Any) -> None:
        self.activity |= changed
        self.tell(events.ActivityChanged(**self.activity))


def _partition(aggregate: str) -> int:
    return hashlib.md5(aggregate.encode()).digest()[0] >> 4
