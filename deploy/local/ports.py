"""Finds ports on 127.0.0.1, and says whether one is taken."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
# Below the range from which the kernel draws outgoing ports: otherwise a client that tries to reconnect
# to a killed server can be given the server's own port, and the server cannot come back.
LOWEST, HIGHEST = 15000, 32000


class PortInUse(RuntimeError):
    """Somebody else listens on a port that was asked for."""

    def __init__(self, port: int, what: str = "") -> None:
        super().__init__(f"port {port} is in use{f' ({what})' if what else ''}")
        self.port = port
        self.what = what


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] | set[int] = frozenset()) -> int:
    """A port that nobody listens on and that is not among those taken."""
    for _ in range(1000):
        port = random.randrange(LOWEST, HIGHEST)  # noqa: S311 - chance, not a secret
        if port not in taken and is_free(port):
            return port
    raise RuntimeError("no free port found on 127.0.0.1")


def remembered_port(file: Path, wanted: int | None) -> int:
    """The wanted port; else the one in the file if it is still free; else a new one, noted in the file."""
    if wanted is not None:
        if not is_free(wanted):
            raise PortInUse(wanted)
        return wanted
    noted = int(file.read_text()) if file.exists() else None
    if noted is not None and is_free(noted):
        return noted
    port = free_port()
    file.write_text(str(port))
    return port
