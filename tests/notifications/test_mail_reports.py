"""A mail server that offers reports (RFC 3461) is asked for one, by the message's id; another is asked for nothing."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from services.notifications.channels import Outcome
from services.notifications.mail import smtp
from services.notifications.mail.smtp import Connection, MailServerUnavailable
from services.notifications.settings import MailServer

ID = "7b1c0e52-0d8a-4a51-9d8f-0f6a3f8d4c11"


class Server:
    """Speaks enough of SMTP to keep what it was told; a parameter that it does not offer is a fault, as with a real
    one."""

    def __init__(self) -> None:
        self.offers: tuple[str, ...] = ()
        self.told: list[str] = []
        mine = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                for line in iter(lambda: self.rfile.readline().decode().strip(), ""):
                    mine.told.append(line)
                    self._answer(line)
                    if line == "quit":
                        return

            def _answer(self, line: str) -> None:
                word = line.partition(" ")[0].upper()
                if word == "EHLO":
                    for offer in ("here", *mine.offers):
                        self._say(f"250-{offer}")
                    self._say("250 8BITMIME")
                elif word in ("MAIL", "RCPT") and line.partition("> ")[2] and "DSN" not in mine.offers:
                    self._say("555 parameters not recognized")
                elif word == "DATA":
                    self._say("354 go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self._say("250 taken")
                else:
                    self._say("221 bye" if word == "QUIT" else "250 ok")

            def _say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


def send(server: Server, to: str) -> Outcome:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "us@example.org", to, f"<{ID}@example.org>"
    mail.set_content("hello")
    port = server.server.server_address[1]
    with Connection(MailServer("smtp", "127.0.0.1", port), "example.org").connect() as connection:
        return connection.send(mail, "us@example.org", to).outcome


def test_one_that_offers_reports_is_told_the_messages_id_and_what_we_want_to_hear(server: Server) -> None:
    server.offers = ("DSN",)
    assert send(server, "wang+singing=first@example.org") is Outcome.SENT
    assert f"mail FROM:<us@example.org> RET=HDRS ENVID={ID}@example.org" in server.told
    recipient = "rcpt TO:<wang+singing=first@example.org> NOTIFY=FAILURE"
    assert f"{recipient} ORCPT=rfc822;wang+2Bsinging+3Dfirst@example.org" in server.told


def test_one_that_does_not_is_asked_for_nothing(server: Server) -> None:
    assert send(server, "wang@example.org") is Outcome.SENT
    assert "mail FROM:<us@example.org>" in server.told and "rcpt TO:<wang@example.org>" in server.told


def test_one_that_goes_on_and_on_is_left_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def go_on() -> None:
            peer, _ = listener.accept()
            with peer:
                try:
                    while not left.wait(0.05):
                        peer.sendall(b"220-still here\r\n")
                except OSError:
                    left.set()

        server = threading.Timer(30, left.set)  # so that a failing test ends
        server.start()
        threading.Thread(target=go_on, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(MailServerUnavailable):
            Connection(MailServer("smtp", "127.0.0.1", listener.getsockname()[1]), "x").connect()
        server.cancel()
        assert time.monotonic() - began < 20
