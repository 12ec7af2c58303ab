"""kombu's Redis transport with one thing mended: a worker that loses its connection while it acknowledges goes on.

kombu frees a message's prefetch slot only after the server took the acknowledgement. When the server dies in that
very moment the slot stays taken for ever; with as many slots as pool processes, two such messages leave a worker that
never asks for work again, and that never notices the dead connection because it does not listen any more.

Used by naming it: `broker_transport = "services.common.redis_transport:Transport"`.
"""

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Frees the slot whatever becomes of the acknowledgement. The message comes again after the visibility timeout."""

    def ack(self, delivery_tag: Any) -> None:
        """Acknowledge."""
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        """Give back, or drop."""
        try:
            super().reject(delivery_tag, requeue)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """With the QoS above."""

    QoS = QoS


class Transport(redis.Transport):
    """With the channel above."""

    Channel = Channel
