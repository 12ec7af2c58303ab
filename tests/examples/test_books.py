"""The demo's own books keep the waitlist in order, and a difference from the system's answers ends it with an error."""

from collections import Counter
from typing import Any

import phonenumbers
import pytest

from examples import community_site
from examples.books import Books
from examples.community_site import Differs
from examples.people import invent


def sign_up(books: Books, number: int, position: int | None = None, person: str = "", shift: str = "s1") -> str:
    books.sign_up(
        {
            "id": f"r{number}",
            "person_id": person or f"p{number}",
            "shift_id": shift,
            "status": "waitlisted" if position else "confirmed",
            "waitlist_position": position,
        }
    )
    return f"r{number}"


@pytest.fixture
def books() -> Books:
    """Two places, taken; three people who wait, heard of in another order than theirs."""
    books = Books()
    books.open_shift({"id": "s1", "activity_id": "a1", "capacity": 2}, reminders=1)
    for number, position in ((1, None), (2, None), (5, 3), (3, 1), (4, 2)):
        sign_up(books, number, position)
    return books


def status(books: Books) -> dict[str, str]:
    return {entry.id: entry.status for entry in books.entries.values()}


def test_who_waits_longest_moves_up(books: Books) -> None:
    books.cancel("r1")
    assert status(books) == {
        "r1": "cancelled", "r2": "confirmed", "r3": "confirmed", "r4": "waitlisted", "r5": "waitlisted",
    }  # fmt: skip


def test_who_leaves_the_waitlist_moves_nobody_up(books: Books) -> None:
    books.cancel("r3")
    assert [entry.id for entry in books.waiting("s1")] == ["r4", "r5"]
    assert [entry.id for entry in books.confirmed("s1")] == ["r1", "r2"]
    books.cancel("r1")
    assert [entry.id for entry in books.confirmed("s1")] == ["r2", "r4"]


def test_more_places_are_filled_from_the_waitlist(books: Books) -> None:
    books.raise_capacity("s1", 4)
    assert [entry.id for entry in books.waiting("s1")] == ["r5"]
    books.raise_capacity("s1", 9)
    assert books.waiting("s1") == []


def test_the_figures(books: Books) -> None:
    books.open_shift({"id": "s2", "activity_id": "a2", "capacity": 7}, reminders=0)
    sign_up(books, 6, person="p2", shift="s2")
    books.cancel("r1")
    books.attended("r2", service_minutes=3)
    books.attended("r6", service_minutes=0)
    books.no_show("r3")
    assert books.figures() == {
        "activities": 2, "shifts": 2, "seats": 9, "registrations": 6, "confirmed": 3, "waitlisted": 2, "promotions": 1,
        "cancellations": 1, "attended": 2, "no_shows": 1, "service_minutes": 3, "people": 4, "people_attended": 1,
    }  # fmt: skip


def test_the_mails(books: Books) -> None:
    books.cancel("r1")
    books.cancel("r4")
    at_once = Counter({
        ("p1", "confirmation"): 1, ("p1", "cancellation"): 1, ("p2", "confirmation"): 1, ("p3", "waitlisted"): 1,
        ("p3", "promotion"): 1, ("p4", "waitlisted"): 1, ("p4", "cancellation"): 1, ("p5", "waitlisted"): 1,
    })  # fmt: skip
    assert books.mails(with_reminders=False) == at_once
    assert books.mails(with_reminders=True) - at_once == Counter({("p2", "reminder"): 1, ("p3", "reminder"): 1})


class Told:
    """A service that answers what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str, **query: Any) -> Any:
        return self.answer

    def every(self, path: str, **query: Any) -> Any:
        return iter(self.answer)


@pytest.mark.parametrize("figure", list(Books().figures()))
def test_a_report_that_differs_in_any_figure_is_found(books: Books, figure: str) -> None:
    total = books.figures()
    as_of = "2099-01-01T00:00:00+00:00"
    community_site.compare_report(Told({"as_of": as_of, "total": total}), books)  # type: ignore[arg-type]
    wrong = total | {figure: total[figure] + 1}
    with pytest.raises(Differs, match=figure):
        community_site.compare_report(Told({"as_of": as_of, "total": wrong}), books)  # type: ignore[arg-type]


def test_who_moves_up_out_of_turn_is_found(books: Books) -> None:
    books.cancel("r1")
    system = [{"id": key, "status": value} for key, value in status(books).items()]
    community_site.compare_waitlists(Told(system), books)  # type: ignore[arg-type]
    for item in system:
        item["status"] = {"r3": "waitlisted", "r4": "confirmed"}.get(item["id"], item["status"])
    with pytest.raises(Differs, match="r3: waitlisted, not confirmed"):
        community_site.compare_waitlists(Told(system), books)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["missing", "twice", "unsent", "stray"])
def test_a_mail_too_few_or_too_many_is_found(books: Books, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(community_site, "MAIL_PATIENCE", 0)
    messages = [
        {"person_id": person, "kind": kind, "state": "sent", "id": f"{person}-{kind}"}
        for person, kind in books.mails(with_reminders=False)
    ]
    community_site.await_mails(Told(messages), None, books, with_reminders=False)  # type: ignore[arg-type]
    match change:
        case "missing":
            messages.pop()
        case "twice":
            messages.append(messages[0])
        case "unsent":
            messages[0]["state"] = "pending"
        case "stray":
            messages.append(messages[0] | {"kind": "change"})
    with pytest.raises(Differs):
        community_site.await_mails(Told(messages), None, books, with_reminders=False)  # type: ignore[arg-type]


def test_invented_people_can_be_signed_up() -> None:
    people = invent(100)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(person["phone"])) for person in people)
    assert all(person["email"].endswith("@example.com") for person in people)
    for field in ("name", "phone", "email"):
        assert len({person[field] for person in people}) == 100
    # Volunteers under 18 would need a guardian's consent.
    assert max(person["birth_date"] for person in people) < "2008"
