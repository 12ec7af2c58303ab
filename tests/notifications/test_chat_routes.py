"""Groups and digests over HTTP: each site has its own, addresses are never read again, a wish is one's own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask

from services.common import events
from services.common.auth import new_site_key
from services.notifications.operations.chats import MOST, MOST_TESTS
from tests.conftest import OPERATOR_KEY
from tests.notifications.conftest import Contacts
from tests.notifications.story import Story
from tests.notifications.test_chats import ADDRESSES, DINGTALK, WECOM

Rows = Callable[..., list[Any]]
Call = Callable[..., Any]
BODY = {"name": "值班群", "address": ADDRESSES[WECOM][0], "topics": ["digest", "digest"]}


@pytest.fixture
def call(app: APIFlask) -> Call:
    client = app.test_client()

    def send(path: str, key: str, body: Any = None, method: str | None = None, **headers: str) -> Any:
        return client.open(
            f"/v1{path}", method=method or ("GET" if body is None else "POST"), json=body,
            headers={"Authorization": f"Bearer {key}", "Accept-Language": "en", **headers},
        )  # fmt: skip

    return send


@pytest.fixture
def key_of(story: Story) -> Callable[[UUID], str]:
    """A key of a site."""

    def issue(site_id: UUID) -> str:
        key, _, digest = new_site_key()
        story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=site_id, sha256=digest))
        return key

    return issue


def test_a_site_registers_a_group_whose_address_nobody_reads_again(
    call: Call, key_of: Callable[[UUID], str], story: Story, rows: Rows
) -> None:
    key, other = key_of(story.site_id), key_of(uuid4())
    made = call("/chats", key, BODY, **{"Idempotency-Key": "once"})
    again = call("/chats", key, BODY, **{"Idempotency-Key": "once"})
    assert (made.status_code, again.json) == (201, made.json)
    assert (made.json["service"], made.json["topics"], made.headers["ETag"]) == ("wecom", ["digest"], '"1"')
    path = f"/chats/{made.json['id']}"
    edit = {"address": ADDRESSES[DINGTALK][0], "secret": ADDRESSES[DINGTALK][1], "topics": ["hours"]}
    assert call(path, key, edit, method="PATCH").status_code == 428
    changed = call(path, key, edit, method="PATCH", **{"If-Match": '"1"'})
    assert (changed.json["service"], changed.json["topics"], changed.json["version"]) == ("dingtalk", ["hours"], 2)
    assert call(path, key, {"name": "群"}, method="PATCH", **{"If-Match": '"1"'}).status_code == 412
    kept = str(rows("SELECT * FROM chats") + rows("SELECT * FROM idempotency_keys") + rows("SELECT * FROM audit_log"))
    assert not any(secret in kept for secret in (WECOM, DINGTALK, ADDRESSES[DINGTALK][1]))
    assert rows("SELECT changed FROM audit_log WHERE record = :id AND action = 'update'", id=made.json["id"])
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None), ("POST", None)):
        of_it = f"{path}/test" if method == "POST" else path
        assert call(of_it, other, body, method=method, **{"If-Match": "*"}).status_code == 404
    assert call("/chats", other).json["items"] == [] and len(call("/chats", OPERATOR_KEY).json["items"]) == 1
    assert call(path, key, method="DELETE").status_code == 204
    assert call(path, key).status_code == 404 and call("/chats", key).json["items"] == []


def test_groups_and_tests_are_bounded_and_an_address_that_leads_elsewhere_is_refused(
    call: Call, key_of: Callable[[UUID], str], story: Story
) -> None:
    key = key_of(story.site_id)
    refused = call("/chats", key, BODY | {"address": "json://10.0.0.1/"})
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "address"
    made = [call("/chats", key, BODY) for _ in range(MOST + 1)]
    assert [one.status_code for one in made] == [201] * MOST + [409]
    path = f"/chats/{made[0].json['id']}/test"
    tests = [call(path, key, {}) for _ in range(MOST_TESTS + 1)]
    assert [one.status_code for one in tests] == [201] * MOST_TESTS + [409]
    message = call(f"/messages/{tests[0].json['message_id']}", key).json
    assert (message["kind"], message["chat_id"], message["state"]) == ("alarm", made[0].json["id"], "queued")


def test_a_site_sets_the_time_of_its_digest_and_each_says_whether_they_want_it(
    call: Call, app: APIFlask, contacts: Contacts, key_of: Callable[[UUID], str], story: Story
) -> None:
    key = key_of(story.site_id)
    assert call("/digests/settings", key).json == {"at": "18:00", "wanted": None}
    assert call("/digests/settings", key, {"at": "25:00"}, method="PATCH").status_code == 422
    assert call("/digests/settings", key, {"at": "16:30"}, method="PATCH").json == {"at": "16:30", "wanted": None}
    assert call("/digests/settings", key, {"wanted": False}, method="PATCH").status_code == 403
    assert call("/digests", key).json == {"items": []}
