"""Files of many megabytes through the page: kept as they come, a part at a time, or refused in words."""

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from services.common.auth import Caller as Kind
from services.common.auth import Principal, csrf_token
from services.registration.operations.imports import uploads
from tests.registration.exchange.files import Importer
from tests.registration.office import Member, Office
from tests.registration.world import Site

BOUNDARY = "----hesheng"


class Body(io.RawIOBase):
    """A form as a browser sends it, made while it is read: the fields, then the file."""

    def __init__(self, fields: dict[str, str], file: Iterator[bytes], ends: bool = True) -> None:
        self._waiting = b""
        self._pieces = self._form(fields, file, ends)

    def _form(self, fields: dict[str, str], file: Iterator[bytes], ends: bool) -> Iterator[bytes]:
        for name, value in fields.items():
            yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        head = 'Content-Disposition: form-data; name="file"; filename="list.csv"\r\nContent-Type: text/csv'
        yield f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode()
        yield from file
        if ends:
            yield f"\r\n--{BOUNDARY}--\r\n".encode()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._waiting:
            self._waiting = next(self._pieces, b"")
            if not self._waiting:
                return 0
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count


def people(count: int) -> Iterator[bytes]:
    """A list of so many people, a hundred lines at a time."""
    yield "姓名,电话,电子邮件,出生日期\r\n".encode()
    for begin in range(0, count, 100):
        yield "".join(
            f"居民{n},139{n:08d},big{n}@example.com,1961-07-13\r\n" for n in range(begin, begin + 100)
        ).encode()


def send(member: Member, body: Body, length: int | None = None) -> TestResponse:
    """Post the form without saying how long it is, unless a length is given."""
    client = member.app.test_client()
    client.set_cookie(member.name, member.cookie)
    environ = {"wsgi.input": io.BufferedReader(body), "wsgi.input_terminated": length is None}
    environ["CONTENT_TYPE"] = f"multipart/form-data; boundary={BOUNDARY}"
    environ |= {} if length is None else {"CONTENT_LENGTH": str(length)}
    return client.open(
        "/staff/imports",
        method="POST",
        headers={"Accept-Language": "en"},
        environ_overrides=environ,
    )


def fields(member: Member, **more: str) -> dict[str, str]:
    """What stands in the form before the file."""
    token = csrf_token(Principal(Kind.STAFF, member.id, session=member.cookie))
    return {"csrf_token": token, "kind": "people"} | more


def imports_of(site: Site) -> list[tuple[str, int]]:
    """State and number of parts of the site's imports."""
    rows = site.sql(
        "SELECT i.state, (SELECT count(*) FROM import_parts AS p WHERE p.import_id = i.id) AS parts FROM imports AS i"
        " WHERE i.site_id = :id",
        id=site.id,
    )
    return [tuple(row) for row in rows]


def test_a_file_of_many_megabytes_is_kept_a_part_at_a_time(
    site: Site, office: Office, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_PART", 100_000)
    member = office.site_staff(site.id)
    tracemalloc.start()
    answer = send(member, Body(fields(member), people(60_000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert imports_of(site) == [("checking", 34)]
    assert peak < 1_700_000, "of 3.4 MB: a part, its ciphertext and what the driver makes of it"
    made = answer.location.rpartition("/")[2]
    site.sql("UPDATE imports SET state = 'cancelled', ended_at = now() WHERE id = :id", id=made)
    stored = site.sql("SELECT number, content FROM import_parts WHERE import_id = :id ORDER BY number", id=made)
    content = b"".join(importer.data.unseal(one.content) for one in stored)
    assert content == b"".join(people(60_000))


def test_a_forged_form_keeps_nothing(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    assert send(member, Body({"kind": "people", "csrf_token": "forged"}, people(100))).status_code == 403
    assert imports_of(site) == []


def test_an_upload_that_breaks_off_is_cancelled(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    answer = send(member, Body(fields(member), people(30_000), ends=False))
    assert answer.status_code == 422 and "broke off" in answer.get_data(as_text=True)
    assert imports_of(site) == [("cancelled", 0)]


def test_a_file_that_is_too_large_is_refused_in_words(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    answer = send(member, Body(fields(member), people(100)), length=uploads.LARGEST_FILE + 200_000)
    assert answer.status_code == 413
    assert "at most 540 MB" in answer.get_data(as_text=True)
    nothing = send(member, Body(fields(member, kind="nonsense"), people(30_000)))
    assert nothing.status_code == 422
    assert imports_of(site) == []
