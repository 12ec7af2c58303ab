"""The mail sink: what it accepted it has, and what it shows cannot do harm."""

import json
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from deploy.local.guard import CHECKOUT
from deploy.local.ports import free_port, is_free


@dataclass
class Sink:
    smtp: int
    http: int
    folder: Path

    def send(self, message: EmailMessage, **envelope: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=10) as client:
            client.send_message(message, **envelope)

    def get(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return str(answer.read().decode())


def mail(subject: str = "报名成功 ✓") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "hesheng@example.org", "wang@example.org", subject
    message["Message-ID"] = "<1@example.org>"
    message.set_content("您好，Hello")
    message.add_alternative("<b>您好</b><script>alert(1)</script>", subtype="html")
    return message


def start(folder: Path) -> tuple["subprocess.Popen[bytes]", Sink]:
    sink = Sink(free_port(), free_port(), folder)
    command = [sys.executable, "-m", "deploy.local.sink", "--smtp-port", str(sink.smtp), "--http-port", str(sink.http)]
    child = subprocess.Popen([*command, "--folder", str(folder)], cwd=CHECKOUT)
    deadline = time.monotonic() + 20
    while is_free(sink.smtp) or is_free(sink.http):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    return child, sink


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    child, sink = start(tmp_path / "mails")
    yield sink
    child.terminate()
    assert child.wait(10) == 0


def test_a_mail_is_kept_with_its_envelope_and_listed(sink: Sink) -> None:
    sink.send(mail(), from_addr="bounce@example.org", to_addrs="li@example.org")
    (file,) = sink.folder.glob("*.eml")
    assert file.read_bytes().startswith(b"X-Envelope-From: bounce@example.org\r\nX-Envelope-To: li@example.org\r\n")
    (listed,) = json.loads(sink.get("/mails.json"))
    assert listed["file"] == file.name
    assert (listed["to"], listed["subject"]) == ("li@example.org", "报名成功 ✓")
    assert listed["message_id"] == "<1@example.org>"
    assert listed["received_at"].startswith("20")


def test_the_newest_mail_is_listed_first(sink: Sink) -> None:
    for subject in ("older-one", "newer-one"):
        sink.send(mail(subject))
    page = sink.get("/")
    assert 0 < page.index("newer-one") < page.index("older-one")


def test_a_mails_html_cannot_run_scripts(sink: Sink) -> None:
    sink.send(mail("<script>alert(2)</script>"))
    (file,) = sink.folder.glob("*.eml")
    page = sink.get(f"/mails/{file.name}")
    assert "您好，Hello" in page
    assert '<iframe sandbox=""' in page
    assert "<script>" not in page + sink.get("/")
    with urlopen(f"http://127.0.0.1:{sink.http}/mails/{file.name}/html", timeout=10) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "Message-ID: <1@example.org>" in sink.get(f"/mails/{file.name}/raw")


@pytest.mark.parametrize("path", ["/mails/..%2fsecrets.env", "/mails/1-1.eml", "/mails/.1.new", "/other", "/mails"])
def test_nothing_but_mails_can_be_read(sink: Sink, path: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        sink.get(path)


def test_another_sites_name_for_this_machine_is_refused(sink: Sink) -> None:
    request = Request(f"http://127.0.0.1:{sink.http}/", headers={"Host": f"evil.example:{sink.http}"})
    with pytest.raises(HTTPError, match="403"):
        urlopen(request, timeout=10)


def test_a_killed_sink_keeps_its_mails_and_never_reuses_a_name(tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        child, sink = start(tmp_path)
        try:
            sink.send(mail())
            counts.append(len(list(tmp_path.glob("*.eml"))))
        finally:
            child.kill()
            child.wait()
    numbers = sorted(int(file.name.partition("-")[0]) for file in tmp_path.glob("*.eml"))
    assert (counts, numbers) == ([1, 2], [1, 2])


def test_a_connection_carries_many_mails(sink: Sink) -> None:
    with closing(smtplib.SMTP("127.0.0.1", sink.smtp, timeout=10)) as client:
        for number in range(50):
            client.send_message(mail(str(number)))
    assert len(list(sink.folder.glob("*.eml"))) == 50
