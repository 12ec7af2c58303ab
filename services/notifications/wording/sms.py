"""How long an SMS is, and what it costs.

A text of the GSM 03.38 alphabet alone holds 160 characters, or 153 in each part of several; any other is UCS-2, with 70
or 67. The signature 【…】, which the mainland's rules ask for, is part of the text and counts like all of it.
"""

from dataclasses import dataclass
from decimal import Decimal

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE = frozenset("^{}\\[~]|€")
"""These take the room of two."""


@dataclass(frozen=True)
class Length:
    """`characters` as they count, of which a segment holds so many; `segments` are what is paid for."""

    encoding: str
    characters: int
    segments: int

    def cost(self, price: Decimal | None) -> Decimal | None:
        """What sending it costs, where the price of a segment is known."""
        return None if price is None else price * self.segments


def measured(text: str) -> Length:
    """The length of an SMS, its signature included."""
    if all(character in GSM or character in GSM_TWICE for character in text):
        return _length("GSM-7", [2 if character in GSM_TWICE else 1 for character in text], 160, 153)
    return _length("UCS-2", [2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)


def _length(encoding: str, widths: list[int], alone: int, each: int) -> Length:
    characters = sum(widths)
    if characters <= alone:
        return Length(encoding, characters, 1)
    segments, room = 1, each
    for width in widths:
        if width > room:  # no character is cut in two: the next segment begins with it
            segments, room = segments + 1, each
        room -= width
    return Length(encoding, characters, segments)
