"""No request goes into a network that is not public, whatever a site writes, a name says, or an answer asks for."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.common.errors import Problem
from services.notifications.webhooks import addresses, post
from services.notifications.webhooks.addresses import AddressRefused, is_public, read_url, resolve
from services.notifications.webhooks.post import Unanswered
from tests.notifications.receiver import Receiver

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "203.0.113.9", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    "2002:c0a8:101::", "2001:0:4136:e378:8000:63bf:5601:5601", "2001:db8::1", "::127.0.0.1",
]  # fmt: skip
OUTSIDE = ["93.184.215.14", "223.5.5.5", "2400:3200::1", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14"]


def names_lead_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have the resolver answer these, one after the other; the names that it was asked for."""
    asked: list[str] = []
    waiting = list(answers)

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in waiting.pop(0)]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("written", INSIDE)
def test_what_is_not_public_is_refused_by_name_and_by_number(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_public(ip_address(written))
    host = f"[{written}]" if ":" in written else written
    with pytest.raises(Problem):
        read_url(f"https://{host}/", loopback=False)
    names_lead_to(monkeypatch, [written])
    with pytest.raises(AddressRefused):
        resolve(read_url("https://site.example.org/", loopback=False), loopback=False)


@pytest.mark.parametrize("written", OUTSIDE)
def test_what_is_public_is_taken(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(monkeypatch, [written])
    assert resolve(read_url("https://site.example.org/", loopback=False), loopback=False) == [written]


def test_one_inside_address_among_public_ones_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(monkeypatch, ["93.184.215.14", "10.0.0.7"])
    with pytest.raises(AddressRefused):
        resolve(read_url("https://site.example.org/", loopback=False), loopback=False)


@pytest.mark.parametrize("url", [
    "http://site.example.org/", "ftp://site.example.org/", "https://", "https:///x", "site.example.org",
    "https://site.example.org:22/", "https://site.example.org:6379/", "https://user:secret@site.example.org/",
    "https://site.example.org/#part", "https://site.example.org/a b", "https://site.example.org/\r\nHost: x",
    "https://site.example.org\\@127.0.0.1/", "https://[::1", "https://site.example.org:99999/",
    "https://127.0.0.1./"])  # fmt: skip
def test_an_address_that_is_never_called_is_refused_when_it_is_written(url: str) -> None:
    with pytest.raises(Problem):
        read_url(url, loopback=False)


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://localhost/"])
def test_other_ways_to_write_this_machine_are_refused_when_it_is_called(url: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(read_url(url, loopback=False), loopback=False)


def test_an_address_in_chinese_becomes_what_goes_over_the_wire() -> None:
    target = read_url("https://社区.example.org/推送?站=一", loopback=False)
    assert (target.authority, target.path) == ("xn--dkrp89f.example.org", "/%E6%8E%A8%E9%80%81?%E7%AB%99=%E4%B8%80")
    assert target.path.isascii()
    assert read_url("https://site.example.org:8443", loopback=False).authority == "site.example.org:8443"


def test_the_operators_setting_opens_this_machine_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(read_url("http://127.0.0.1:9/x", loopback=True), loopback=True) == ["127.0.0.1"]
    for url in (
        "http://site.example.org/",
        "https://10.0.0.7/",
        "https://site.example.org:9/",
        "http://169.254.169.254/",
    ):
        with pytest.raises(Problem):
            read_url(url, loopback=True)
    names_lead_to(monkeypatch, ["10.0.0.7"], ["93.184.215.14"])
    for url in ("https://site.example.org/", "http://localhost:80/"):
        with pytest.raises(AddressRefused):
            resolve(read_url(url, loopback=True), loopback=True)


@pytest.fixture
def inside() -> Iterator[tuple[int, list[object]]]:
    """Something inside that must never be spoken to: its port, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def listen() -> None:
            while True:
                try:
                    connection, who = server.accept()
                except OSError:
                    return
                came.append(who)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], came


def reaches_inside(port: int) -> bool:
    """Whether a name that leads to this machine is called, as the sender does it."""
    target = read_url(f"https://localhost:{port}/", loopback=False)
    try:
        post.post(target, resolve(target, loopback=False), {}, b"{}")
    except AddressRefused:
        return False
    except Unanswered:
        return True  # it was spoken to: it only is no server of TLS
    return True


def test_the_guard_keeps_requests_out_and_a_broken_one_is_seen_to_let_them_in(
    inside: tuple[int, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, came = inside
    monkeypatch.setattr(addresses, "PORTS", (443, port))
    assert not reaches_inside(port)
    assert came == []
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    assert reaches_inside(port), "a checker that finds nothing proves nothing"
    assert len(came) == 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(secrets=[])
    yield made
    made.stop()


def test_what_was_checked_is_what_is_connected_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere when it is asked for a second time is not asked a second time."""
    asked = names_lead_to(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    target = read_url(f"http://localhost:{receiver.port}/", loopback=True)
    answer = post.post(target, resolve(target, loopback=True), {"Content-Length": "2"}, b"{}")
    assert (answer.status, receiver.connections, asked) == (401, 1, ["localhost"])


def sent(receiver: Receiver, body: bytes = b"{}") -> post.Reply:
    target = read_url(receiver.url, loopback=True)
    return post.post(target, resolve(target, loopback=True), {}, body)


def test_of_an_answer_a_short_clean_beginning_is_kept(receiver: Receiver) -> None:
    answer = sent(receiver)
    assert answer.beginning == f"出错 了 [31m <b> {'x' * 200}"[:200]


@pytest.mark.parametrize("what", ["hang", "drip"])
def test_who_never_answers_or_only_byte_by_byte_is_left(what: str, receiver: Receiver,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(post, "SECONDS", 0.5)
    monkeypatch.setattr(receiver, "take", lambda headers, body: what)
    started = time.monotonic()
    with pytest.raises(Unanswered, match="no answer within"):
        sent(receiver)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("written", "seconds"), [
    ("120", 120), ("0", 0), ("9999999", 86_400), ("soon", None), ("", None), ("-5", None), ("１２", None),
    pytest.param(format_datetime(datetime.now(UTC) + timedelta(days=9)), 86_400, id="in nine days"),
    pytest.param(format_datetime(datetime.now(UTC) - timedelta(days=9)), 0, id="nine days ago"),
    ("Mon, 01 Jan 99999999999 00:00:00 GMT", None)])  # fmt: skip
def test_how_long_a_receiver_asks_us_to_wait(written: str, seconds: int | None) -> None:
    assert post._seconds(written) == seconds


class TlsReceiver:
    """A receiver over TLS with a certificate for one name, by an authority that only this test trusts."""

    def __init__(self, folder: Path, name: str) -> None:
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(_certificate(folder / "server.pem", name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.receiver = Receiver()
        self.receiver._server.socket = context.wrap_socket(self.receiver._server.socket, server_side=True)


def _certificate(file: Path, name: str) -> bytes:
    """Write a self-signed certificate with its key; the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        pem + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return pem


@pytest.mark.parametrize(("name", "taken"), [("site.example.org", True), ("other.example.org", False)])
def test_tls_checks_the_name_and_not_the_address_that_is_connected_to(
    name: str, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = TlsReceiver(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    monkeypatch.setattr(addresses, "PORTS", (server.receiver.port,))
    post._tls.cache_clear()
    target = read_url(f"https://site.example.org:{server.receiver.port}/", loopback=False)
    try:
        if taken:
            assert post.post(target, ["127.0.0.1"], {}, b"{}").status == 401
        else:
            with pytest.raises(Unanswered, match="certificate"):
                post.post(target, ["127.0.0.1"], {}, b"{}")
    finally:
        server.receiver.stop()
        post._tls.cache_clear()
