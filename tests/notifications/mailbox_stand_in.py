"""A mailbox that speaks POP3 (RFC 1939) as far as it is read from: USER, PASS, UIDL, TOP, DELE, QUIT."""

import socketserver
import threading
from typing import Any

USER, PASSWORD = "returned", "p@ss/word"


class MailboxStandIn:
    """`mails` by their lasting names; `breaks_after` so many commands of a session."""

    def __init__(self) -> None:
        self.mails: dict[str, bytes] = {}
        self.breaks_after = 1000
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                box.serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"pop3://{USER}:p%40ss%2Fword@127.0.0.1:{self._server.server_address[1]}"

    def put(self, *mails: bytes) -> None:
        for mail in mails:
            self.mails[f"uid{len(self.mails)}-{id(mail)}"] = mail

    def serve(self, session: Any) -> None:
        names, deleted = list(self.mails), set()
        user = ""
        session.wfile.write(b"+OK\r\n")
        for _ in range(self.breaks_after):
            command, _, rest = session.rfile.readline().decode().strip().partition(" ")
            if command == "USER":
                user = rest
                session.wfile.write(b"+OK\r\n")
            elif command == "PASS":
                session.wfile.write(b"+OK\r\n" if (user, rest) == (USER, PASSWORD) else b"-ERR no\r\n")
            elif command == "UIDL":
                lines = [f"{number} {name}".encode() for number, name in enumerate(names, 1)]
                session.wfile.write(b"\r\n".join([b"+OK", *lines, b"."]) + b"\r\n")
            elif command == "TOP":
                lines = self.mails[names[int(rest.split()[0]) - 1]].replace(b"\r\n", b"\n").split(b"\n")
                stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
                session.wfile.write(b"\r\n".join([b"+OK", *stuffed, b"."]) + b"\r\n")
            elif command == "DELE":
                deleted.add(names[int(rest) - 1])
                session.wfile.write(b"+OK\r\n")
            elif command == "QUIT":
                for name in deleted:
                    self.mails.pop(name, None)
                session.wfile.write(b"+OK\r\n")
                return
            else:
                return

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
