"""One deadline for all that the other side says: a time-out of the connection's starts anew with each byte.

with hung_up_after(connection, 10.0):
    ...                                   # reads and writes fail once the time is over
"""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def hung_up_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Close the connection from beside, which ends every way to make us wait, a byte at a time among them."""
    end = threading.Timer(max(seconds, 0), _hang_up, [connection])
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The plain socket's own: TLS would forget its state under whoever reads just now.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
