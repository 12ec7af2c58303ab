"""A second person is another one: not who wrote it and confirms what grew, nor their other account."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.common.auth import Role
from services.notifications.operations.announcements.sending import send_announcements
from services.notifications.operations.deliver import Postman
from tests.notifications.conftest import Contacts
from tests.notifications.story import Story
from tests.notifications.test_announcements import BODY, Desk, Rows, goes_out, settings, site, works  # noqa: F401


@pytest.mark.parametrize("settings", [20], indirect=True)
def test_who_confirms_what_grew_has_written_to_so_many_alone(
    works: Callable[..., Desk], story: Story, contacts: Contacts, postman: Postman
) -> None:
    story.save_site()
    one = works()

    def grown(few: int, many: int) -> tuple[str, dict[str, int], int]:
        contacts.people.clear()
        for number in range(few):
            story.person(f"p{number}@example.org")
        made = one.submitted(few)
        for number in range(few, many):
            story.person(f"q{number}@example.org")
        send_announcements(postman.database, postman.contacts, ())
        waits = one.expect(200, "GET", f"/{made['id']}")
        assert waits["state"] == "waiting"
        return f"/{made['id']}/approve", {"people": many}, waits["version"]

    first, second = grown(1, 13), grown(1, 14)
    assert one.expect(200, "POST", *first)["approved_at"] is None
    goes_out(postman)
    one.expect(403, "POST", *second)
    assert works().expect(200, "POST", *second)["approved_at"], "twenty a day, thirteen of which have gone"


@pytest.mark.parametrize("settings", [1], indirect=True)
def test_who_invited_the_author_or_was_invited_by_them_is_no_second_person(
    works: Callable[..., Desk], story: Story, contacts: Contacts
) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    author, puppet, maker, another = (works() for _ in range(4))
    contacts.invited |= {puppet.staff_id: f"staff:{author.staff_id}", author.staff_id: f"staff:{maker.staff_id}"}
    made = author.submitted(2)
    approve, counted = f"/{made['id']}/approve", {"people": 2}
    for desk in (puppet, maker):
        assert "invited the other" in desk.expect(403, "POST", approve, counted, made["version"])["detail"]
    contacts.failing = True
    another.expect(503, "POST", approve, counted, made["version"])
    contacts.failing = False
    assert another.expect(200, "POST", approve, counted, made["version"])["state"] == "scheduled"


@pytest.mark.parametrize("settings", [3], indirect=True)
def test_what_one_submits_counts_wherever_it_goes(works: Callable[..., Desk], story: Story, contacts: Contacts) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    over, other = works(Role.AREA_ADMIN), works(Role.AREA_ADMIN)
    contacts.areas = [{"id": code, "name_zh": "社区", "name_en": "Community"} for code in ("140107001", "140107002")]

    def state(desk: Desk, **to: str) -> str:
        return str(desk.submitted(2, audience={"to": "area"} | to if to else {"to": "site"})["state"])

    assert state(over, area="140107001") == "scheduled"
    assert state(over) == "waiting", "the same hand, at another place"
    assert state(other, area="140107002") == "scheduled"


@pytest.mark.parametrize("settings", [3], indirect=True)
def test_what_goes_within_a_day_counts_whenever_it_was_handed_in(site: Desk, story: Story, rows: Rows) -> None:
    story.person("p@example.org"), story.person("q@example.org")

    def state(days: float) -> str:
        return str(site.submitted(2, send_at=(datetime.now(UTC) + timedelta(days=days)).isoformat())["state"])

    assert state(4) == "scheduled"
    rows("UPDATE announcements SET submitted_at = now() - interval '2 days'")
    same_day = site.expect(201, "POST", "", BODY | {"send_at": (datetime.now(UTC) + timedelta(days=4)).isoformat()})
    site.expect(403, "POST", f"/{same_day['id']}/submit", {"people": 2}, same_day["version"])
    assert state(6) == "scheduled", "on another day"
