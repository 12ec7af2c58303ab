"""An SMS is at most two segments long, its signature included: titles and places are cut short until it fits."""

from collections.abc import Mapping

from services.notifications.mail.words import plain
from services.notifications.wording.grammar import Template

LONGEST = 2 * 67
"""Characters of two segments (`sms.measured`): the signature makes every SMS of ours UCS-2."""

WIDTHS = (60, 40, 30, 24, 18, 12, 8)
"""To how many characters values are cut, one after the other, until the text fits."""

CUT = ("title", "place", "role", "site", "site_short", "name")
"""Values that people named as long as they liked. Times, reasons and numbers to call are whole or not there."""

LONGEST_SIGNATURE = 20


_SIGNATURES = str.maketrans("【】", "（）")


def writable(value: str) -> str:
    """Without what networks cannot write, or take for the signature."""
    return "".join(one for one in value if ord(one) < 0x10000).translate(_SIGNATURES)


def signature(values: Mapping[str, str]) -> str:
    """Who writes, as the mainland's rules want it before the text."""
    return f"【{plain(values['site_short'], LONGEST_SIGNATURE)}】"


def fitted(template: Template, values: Mapping[str, str]) -> str:
    """The text of an SMS with these values, without its signature."""
    room = LONGEST - len(signature(values))
    said = ""
    for width in WIDTHS:
        said = _filled(template, values, width)
        if len(said) <= room:
            return said
    return plain(said, room)


def too_long_by(template: Template, values: Mapping[str, str]) -> int:
    """By how many characters the text does not fit, however short the values are cut."""
    return max(0, len(_filled(template, values, WIDTHS[-1])) - LONGEST + len(signature(values)))


def _filled(template: Template, values: Mapping[str, str], width: int) -> str:
    cut = {name: plain(values[name], width) for name in CUT}
    return plain(writable(template.fill({**values, **cut})), 10_000)
