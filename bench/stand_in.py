"""Whoever is called from outside: in a process of its own, answers every POST at once as an SMS gateway would.

with stand_in() as url: ...
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

from bench.place import wait_for
from deploy.local.guard import CHECKOUT
from deploy.local.ports import HOST, free_port

BODY = b'{"reference":"r"}'
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """Its address, while it runs."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.stand_in", "--port", str(port)], cwd=CHECKOUT)
    try:
        wait_for(f"http://{HOST}:{port}/")
        yield f"{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
            await reader.readexactly(int(length or 0))
            writer.write(ANSWER)
            await writer.drain()
    writer.close()


async def _run(port: int) -> None:
    server = await asyncio.start_server(_serve, HOST, port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(_run(parser.parse_args().port))
