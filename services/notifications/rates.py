"""How much a provider takes in a minute: a token bucket in Redis that all workers share.

    allowance = Allowance("mail", 600, settings.broker_url.get_secret_value())
    granted, wait = allowance.take(50, keep=0.2)      # 50 wanted, a fifth of the bucket left for others

While Redis does not answer each process has a small bucket of its own: together they stay below the rate. A wiped Redis
is a full bucket, ten seconds' worth. An address of another kind of broker means buckets of their own from the start.
"""

import time
from dataclasses import dataclass, field
from typing import cast

import redis

from services.common.logs import get_logger

log = get_logger(__name__)

BUCKET_SECONDS = 10.0
"""What the bucket holds: so much may go at once after a quiet time."""

ALONE = 0.25
"""Of the rate, for each process by itself. A worker has two; whoever runs more than two workers sets a lower rate."""

TIMEOUT = 0.5
AFRAID = 5.0
"""Seconds until Redis is asked again after it did not answer."""

# By the clock of Redis, which all of them share. Answers how many are granted, the seconds until one more is, and what
# is left.
TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local rate, most, wanted, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = most
if bucket[1] then tokens = math.min(most, bucket[1] + math.max(0, now - bucket[2]) * rate) end
local granted = math.max(0, math.min(wanted, math.floor(tokens - kept)))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 3600)
return {granted, tostring(math.max(0, kept + 1 - tokens) / rate), math.max(0, math.floor(tokens - kept))}
"""


@dataclass
class Bucket:
    """A token bucket in this process: `rate` tokens a second, `most` at once."""

    rate: float
    most: float
    tokens: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.most

    def take(self, wanted: int, kept: float) -> tuple[int, float, int]:
        """How many are granted, the seconds until one more is, and what is left."""
        now = time.monotonic()
        self.tokens, self.at = min(self.most, self.tokens + (now - self.at) * self.rate), now
        granted = max(0, min(wanted, int(self.tokens - kept)))
        self.tokens -= granted
        return granted, max(0.0, kept + 1 - self.tokens) / self.rate, max(0, int(self.tokens - kept))


def _kept(part: float, most: float) -> float:
    """What is left for others; however small the bucket, one token of a full one is not."""
    return min(part * most, most - 1)


class Allowance:
    """What one provider takes."""

    def __init__(self, provider: str, per_minute: int, broker_url: str) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BUCKET_SECONDS)
        self._alone = Bucket(self._rate * ALONE, max(1.0, self._most * ALONE))
        self._key = f"hesheng:allowance:{provider}"
        self._url = broker_url
        self._redis: redis.Redis | None = None
        self._asked_from = 0.0 if broker_url.startswith(("redis://", "rediss://")) else float("inf")

    def take(self, wanted: int, keep: float = 0.0) -> tuple[int, float]:
        """How many of these may go now, and the seconds until one more may. `keep` is the part of the bucket that is
        left for what is more urgent."""
        granted, wait, _ = self._ask(wanted, keep)
        return granted, wait

    def room(self, keep: float = 0.0) -> int:
        """How many might go now. Takes none."""
        return self._ask(0, keep)[2]

    def _ask(self, wanted: int, keep: float) -> tuple[int, float, int]:
        if time.monotonic() >= self._asked_from:
            try:
                asked = (self._key, self._rate, self._most, wanted, _kept(keep, self._most))
                granted, wait, left = cast(tuple[int, bytes, int], self._shared().eval(TAKE, 1, *map(str, asked)))
                return int(granted), float(wait), int(left)
            except redis.RedisError as error:
                log.warning("allowance_not_shared", provider=self._key, reason=type(error).__name__)
                self._asked_from = time.monotonic() + AFRAID
        return self._alone.take(wanted, _kept(keep, self._alone.most))

    def _shared(self) -> redis.Redis:
        if self._redis is None:
            self._redis = redis.Redis.from_url(self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        return self._redis
