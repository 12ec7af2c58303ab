"""A mail server that keeps what it gets: SMTP in, files out, and a page to read them.

`python -m deploy.local.sink --smtp-port 1025 --http-port 8025 --folder mails`. Listens on 127.0.0.1 only.
"""

import argparse
import asyncio
import html
import json
import os
import re
import signal
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
LARGEST = 32 * 1024 * 1024
NAME = re.compile(r"(\d+)-(\d+)\.eml")
SHOWN = 200


class Box:
    """The folder of mails; one file each, complete as soon as it has its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._counter = max((number for number, _ in self._numbered()), default=0)
        self._read: dict[str, dict[str, str]] = {}
        self._mutex = RLock()

    def store(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Add a mail, with its envelope as first header lines."""
        self._counter += 1
        name = f"{self._counter:08d}-{time.time_ns() // 1_000_000}.eml"
        temporary = self.folder / f".{self._counter}.new"
        envelope = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
        temporary.write_bytes(envelope.encode() + content)
        temporary.rename(self.folder / name)
        return name

    def names(self) -> list[str]:
        """The files, newest first."""
        return [name for _, name in sorted(self._numbered(), reverse=True)]

    def _numbered(self) -> list[tuple[int, str]]:
        found = [NAME.fullmatch(name) for name in os.listdir(self.folder)]  # noqa: PTH208 - ten times as fast
        return [(int(name[1]), name[0]) for name in found if name]

    def content(self, name: str) -> bytes | None:
        """A mail's bytes; None when there is none of that name."""
        file = self.folder / name
        return file.read_bytes() if NAME.fullmatch(name) and file.is_file() else None

    def summary(self, name: str) -> dict[str, str]:
        """What the list shows of a mail. Read once: a mail never changes."""
        with self._mutex:
            if name not in self._read:
                self._read[name] = self._summarise(name)
            return self._read[name]

    def _summarise(self, name: str) -> dict[str, str]:
        with (self.folder / name).open("rb") as file:
            headers = BytesHeaderParser(policy=policy.default).parse(file)
        return {
            "file": name,
            "from": str(headers.get("From", "")),
            "to": str(headers.get("X-Envelope-To", "")),
            "subject": str(headers.get("Subject", "")),
            "message_id": str(headers.get("Message-ID", "")).strip(),
            "received_at": _time_of(name),
        }


def _time_of(name: str) -> str:
    milliseconds = int(name.removesuffix(".eml").partition("-")[2])
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds / 1000)) + f".{milliseconds % 1000:03d}Z"


class Receiver:
    """aiosmtpd's handler."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail; only then say that it was accepted."""
        content = envelope.content or b""
        data = content.encode() if isinstance(content, str) else content
        name = self._box.store(envelope.mail_from or "", envelope.rcpt_tos, data)
        return f"250 kept as {name}"


PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:16px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.4rem;border-bottom:1px solid #ccc}}
pre{{white-space:pre-wrap;background:#f5f5f5;padding:1rem}}iframe{{width:100%;height:32rem;border:1px solid #aaa}}
</style><h1>{title}</h1>{body}</html>"""


def list_page(box: Box) -> str:
    """Newest first."""
    names = box.names()
    rows = "".join(_row(box.summary(name)) for name in names[:SHOWN])
    head = "<tr><th>时间 Time (UTC)<th>收件人 To<th>主题 Subject<th>发件人 From</tr>"
    note = f"<p>共 {len(names)} 封，显示最新 {min(len(names), SHOWN)} 封 · {len(names)} mails, newest first · " \
           '<a href="/mails.json">JSON</a></p>'  # fmt: skip
    table = f"<table>{head}{rows}</table>" if names else "<p>还没有邮件 · No mail yet</p>"
    return PAGE.format(title="和声邮件 · Hesheng mails", body=note + table)


def _row(mail: dict[str, str]) -> str:
    safe = {key: html.escape(value) for key, value in mail.items()}
    subject = safe["subject"] or "–"
    return (f"<tr><td>{safe['received_at']}<td>{safe['to']}<td><a href='/mails/{safe['file']}'>{subject}</a>"
            f"<td>{safe['from']}</tr>")  # fmt: skip


def _parse(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - for mypy
    return message


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, KeyError, ValueError):  # an unknown charset or type: better odd letters than no page
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


def mail_page(name: str, content: bytes) -> str:
    """One mail: text, HTML and the names of what is attached."""
    message = _parse(content)
    heads = ("X-Envelope-To", "From", "To", "Subject", "Date", "Message-ID")
    rows = "".join(f"<tr><th>{head}<td>{html.escape(str(message.get(head, '')))}</tr>" for head in heads)
    text, markup = _part(message, "plain"), _part(message, "html")
    attached = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    links = f'<a href="/">← 全部邮件 · All mails</a> · <a href="/mails/{name}/raw">原文 · Raw</a>'
    body = f"<p>{links}</p><table>{rows}</table>"
    body += f"<h2>文字 · Text</h2><pre>{html.escape(text)}</pre>" if text else ""
    frame = f'<iframe sandbox="" title="HTML" src="/mails/{name}/html"></iframe>'
    body += f"<h2>HTML</h2>{frame}" if markup else ""
    body += f"<p>附件 · Attached: {html.escape(', '.join(attached))}</p>" if attached else ""
    return PAGE.format(title=html.escape(str(message.get("Subject", "")) or name), body=body)


class Page(BaseHTTPRequestHandler):
    """Read-only pages over the box."""

    box: Box
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Route."""
        if not self._asked_for_here():
            return self._answer(403, "text/plain", "only as 127.0.0.1 or localhost")
        url = urlsplit(self.path)
        parts = [part for part in url.path.split("/") if part]
        if not parts:
            return self._answer(200, "text/html", list_page(self.box))
        if parts == ["mails.json"]:
            return self._answer(200, "application/json", self._json(parse_qs(url.query)))
        content = self.box.content(parts[1]) if parts[0] == "mails" and 2 <= len(parts) <= 3 else None
        if content is None:
            return self._answer(404, "text/plain", "no such mail")
        return self._mail(parts[1], content, parts[2] if len(parts) == 3 else "")

    def _asked_for_here(self) -> bool:
        # A page elsewhere must not read the mails by letting its own name resolve to 127.0.0.1.
        return (self.headers.get("Host") or "").rpartition(":")[0] in (HOST, "localhost")

    def _json(self, query: dict[str, list[str]]) -> str:
        names = self.box.names()
        limit = query.get("limit", [""])[0]
        return json.dumps([self.box.summary(name) for name in names[: int(limit) if limit.isdecimal() else None]])

    def _mail(self, name: str, content: bytes, view: str) -> None:
        if view == "raw":
            return self._answer(200, "text/plain", content)
        if view == "html":
            return self._answer(200, "text/html", _part(_parse(content), "html"), sandbox=True)
        return self._answer(200, "text/html", mail_page(name, content))

    def _answer(self, status: int, kind: str, body: str | bytes, sandbox: bool = False) -> None:
        data = body.encode(errors="replace") if isinstance(body, str) else body
        rules = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'"
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", f"sandbox; {rules}" if sandbox else rules)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Addresses are nobody's business."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve_pages(box: Box, port: int) -> _Server:
    """Start the pages in a thread."""
    server = _Server((HOST, port), type("BoxPage", (Page,), {"box": box}))
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def _smtp(box: Box) -> SMTP:
    # A given host name: aiosmtpd would otherwise look the machine's own up in DNS at every connection.
    return SMTP(Receiver(box), hostname="sink.localhost", data_size_limit=LARGEST, enable_SMTPUTF8=True)


async def receive(box: Box, port: int) -> None:
    """Accept mails until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: _smtp(box), HOST, port, backlog=512)
    await ended.wait()
    server.close()


def main() -> None:
    """Run both servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    box = Box(given.folder)
    pages = serve_pages(box, given.http_port)
    asyncio.run(receive(box, given.smtp_port))
    pages.shutdown()


if __name__ == "__main__":
    main()
