"""A person's own messages: on a page and by API, with their words, and nobody else's."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask

from services.common.auth import RESIDENT_COOKIE
from services.notifications.operations.deliver import Postman, deliver_batch
from tests.notifications.conftest import Contacts
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
Get = Callable[..., Any]


@pytest.fixture
def get(app: APIFlask, contacts: Contacts, story: Story) -> Get:
    """Asks as somebody whose session reaches the story's site."""

    def call(person_id: UUID, path: str, site_id: UUID | None = None, language: str = "zh",
             mailed_by: UUID | None = None) -> Any:  # fmt: skip
        cookie = f"cookie of {person_id} {mailed_by}"
        contacts.sessions[cookie] = {"caller": "person", "name": str(person_id), "session": cookie, "address": "ab",
                                     "mailed_by": mailed_by and str(mailed_by)}  # fmt: skip
        contacts.reached[str(person_id)] = [str(site_id or story.site_id)]
        client = app.test_client()
        client.set_cookie(RESIDENT_COOKIE, cookie)
        return client.get(path, headers={"Accept-Language": language})

    return call


def test_people_read_what_they_were_told_and_what_became_of_it(
    story: Story, postman: Postman, get: Get, rows: Rows, contacts: Contacts
) -> None:
    shift_id = story.opening()
    facts = story.sign_up(shift_id)
    story.cancel(facts)
    while deliver_batch(postman):
        pass
    rows("UPDATE messages SET state = 'suppressed', error = 'refused by the person' WHERE kind = 'cancellation'")
    person = facts["person_id"]
    cancelled, confirmed = get(person, "/v1/my/messages").json["items"]
    assert (confirmed["kind"], confirmed["fate"], confirmed["channel"]) == ("confirmation", "sent", "mail")
    assert (cancelled["kind"], cancelled["fate"], cancelled["title_zh"]) == ("cancellation", "refused", "合唱排练")
    page = get(person, "/my/messages")
    assert page.status_code == 200
    assert page.text.index("报名取消") < page.text.index("报名成功") and "您设置了不收这类消息" in page.text
    path = f"/my/messages/{confirmed['id']}"
    opened = get(person, path)
    assert "歌手" in opened.text and "赛马场党群服务中心二楼" in opened.text and "邮件：已发出" in opened.text
    assert "Choir rehearsal" in get(person, path, language="en").text
    contacts.people[str(person)]["name"] = "王改名"
    told = get(person, f"/v1{path}").json
    assert "合唱排练" in told["subject"] + told["text"]
    first = get(person, "/v1/my/messages?limit=1")
    assert [one["id"] for one in first.json["items"]] == [cancelled["id"]]
    following = first.headers["Link"].partition("<")[2].partition(">")[0]
    assert [one["id"] for one in get(person, f"/v1/my/messages{following}").json["items"]] == [confirmed["id"]]
    for path in ("/v1/my/messages?cursor=x", "/my/messages?cursor=x", "/my/messages?cursor=%C2%B2"):
        assert get(person, path).status_code == 422


def test_no_other_persons_messages_other_sites_or_words_of_staff(story: Story, get: Get, rows: Rows) -> None:
    shift_id = story.opening()
    facts, other = story.sign_up(shift_id), story.sign_up(shift_id, "li@example.org")
    rows("UPDATE messages SET state = 'failed', error = '550 5.1.1 no such user' WHERE person_id = :id",
         id=facts["person_id"])  # fmt: skip
    [own] = get(facts["person_id"], "/v1/my/messages").json["items"]
    assert own["fate"] == "failed"
    for path in ("/my/messages", f"/my/messages/{own['id']}", f"/v1/my/messages/{own['id']}"):
        shown = get(facts["person_id"], path)
        assert shown.status_code == 200 and "no such user" not in shown.text
        if own["id"] in path:
            assert get(other["person_id"], path).status_code == 404
            assert get(facts["person_id"], path, site_id=uuid4()).status_code == 404
    assert get(facts["person_id"], "/v1/my/messages", site_id=uuid4()).json["items"] == []


def test_a_link_is_for_one_mail_and_a_guardians_is_not_the_childs(story: Story, get: Get, rows: Rows) -> None:
    facts = story.sign_up(story.opening())
    rows("""
        INSERT INTO messages (id, kind, site_id, person_id, link_id, purpose, cause_event, expires_at)
        SELECT gen_random_uuid(), 'link', :site, :person, gen_random_uuid(), purpose, gen_random_uuid(),
               now() + interval '1 day'
        FROM unnest(ARRAY['my_registrations', 'guardian_consent']) AS purpose
    """, site=story.site_id, person=facts["person_id"])  # fmt: skip
    link, _ = get(facts["person_id"], "/v1/my/messages").json["items"]
    assert link["purpose"] == "my_registrations"
    one = get(facts["person_id"], f"/v1/my/messages/{link['id']}").json
    assert one["subject"] is None and one["text"] is None
    assert "只在邮件里" in get(facts["person_id"], f"/my/messages/{link['id']}").text


def test_an_announcement_is_read_again_as_it_was_written_and_not_once_it_was_stopped(
    story: Story, get: Get, rows: Rows
) -> None:
    person = story.sign_up(story.opening())["person_id"]
    rows("""
        INSERT INTO announcements (id, site_id, state, audience, about_zh, about_en, subject_zh, text_zh, subject_en,
                                   text_en, created_by, written_by, people, unreached, begun_at)
        VALUES (gen_random_uuid(), :site, 'sending', '{"to": "site"}', '赛马场站', 'Saimachang', '{{站点}}停水',
                '{{姓名}}，本周六停水。', 'No water', 'Dear {{name}}, no water.', 'x', ARRAY['x'], 1, 0, now())
    """, site=story.site_id)  # fmt: skip
    rows("""
        INSERT INTO messages (id, kind, site_id, person_id, announcement_id, expires_at, state)
        SELECT gen_random_uuid(), 'announcement', :site, :person, id, now() + interval '1 day', 'pending'
        FROM announcements
    """, site=story.site_id, person=person)  # fmt: skip
    path = f"/my/messages/{get(person, '/v1/my/messages').json['items'][0]['id']}"
    assert get(person, f"/v1{path}").json["text"] is None, "it is theirs once it goes out"
    assert "还没有发给您" in get(person, path).text
    rows("UPDATE messages SET state = 'sent' WHERE kind = 'announcement'")
    one = get(person, f"/v1{path}").json
    assert (one["subject"], one["text"]) == ("赛马场站停水", "王小明，本周六停水。")
    page = get(person, path, language="en")
    assert "Dear 王小明, no water." in page.text and "may have changed" not in page.text
    assert get(uuid4(), path).status_code == 404
    rows("UPDATE announcements SET state = 'stopped'")
    assert get(person, f"/v1{path}").json["subject"] == "赛马场站停水", "they have it already"
    rows("UPDATE messages SET state = 'suppressed', error = 'stopped' WHERE kind = 'announcement'")
    assert get(person, f"/v1{path}").json["text"] is None


def test_who_was_merged_reads_what_both_were_told(story: Story, get: Get, contacts: Contacts) -> None:
    shift_id = story.opening()
    old, survivor = story.sign_up(shift_id)["person_id"], story.sign_up(shift_id, "li@example.org")["person_id"]
    contacts.merged[str(survivor)] = [str(old)]
    messages = get(survivor, "/v1/my/messages").json["items"]
    assert len(messages) == 2
    for one in messages:
        assert "歌手" in get(survivor, f"/my/messages/{one['id']}").text
    contacts.merged.clear()
    assert len(get(survivor, "/v1/my/messages").json["items"]) == 1, "they are two again"


def test_who_is_not_logged_in_is_led_to_where_they_can(app: APIFlask) -> None:
    page = app.test_client().get("/my/messages", headers={"Accept": "text/html"})
    assert page.status_code == 302 and page.headers["Location"].endswith("/my/log-in")
    assert app.test_client().get("/v1/my/messages").status_code == 401


def test_the_link_of_a_mail_that_was_passed_on_opens_no_messages(story: Story, get: Get) -> None:
    person = story.sign_up(story.opening())["person_id"]
    for path in ("/my/messages", "/my/messages/settings", "/my/messages/calendar", "/v1/my/messages",
                 "/v1/my/preferences"):  # fmt: skip
        answer = get(person, path, mailed_by=story.site_id)
        assert answer.status_code == 403, path
        assert "一次性链接" in answer.text, path
