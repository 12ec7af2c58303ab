"""When something recurs: a rule of RFC 5545 in a site's local time.

    for moment in occurrences("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=20", first, zone): ...     # 19:00 local, all year round

The wall clock stays the same when clocks change. A time that a change of clocks skips is put as far behind the change
as it lay behind its beginning (02:30 becomes 03:30), and of a time that comes twice the first is meant, both as RFC
5545 says. Of the RFC's rules those are taken that always have another occurrence, which also keeps out what surprises
people: the 31st (which months lack) is written `BYMONTHDAY=-1`, the fifth Friday `BYDAY=-1FR`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from services.common.errors import Words, invalid

LONGEST_SERIES = timedelta(days=3 * 366)
MOST_SHIFTS = 400

_DAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
_NTH_DAY = f"(?:[+-]?[1-4])?{_DAY}"
_MONTH_DAY = "-?(?:[1-9]|1[0-9]|2[0-8])"
_MONTH = "(?:[1-9]|1[0-2])"
_EVERY = {"INTERVAL": "[1-9]|[1-4][0-9]|5[0-2]", "COUNT": "[1-9][0-9]{0,2}", "UNTIL": r"\d{8}(?:T\d{6}Z?)?"}


def _list_of(one: str) -> str:
    return f"{one}(?:,{one}){{0,30}}"


PARTS = {
    "DAILY": _EVERY,
    "WEEKLY": _EVERY | {"BYDAY": _list_of(_DAY), "WKST": _DAY},
    "MONTHLY": _EVERY | {"BYDAY": _list_of(_NTH_DAY), "BYMONTHDAY": _list_of(_MONTH_DAY)},
    "YEARLY": _EVERY | {"BYDAY": _list_of(_NTH_DAY), "BYMONTHDAY": _list_of(_MONTH_DAY), "BYMONTH": _list_of(_MONTH)},
}
"""What a rule of each frequency may say, as patterns."""


def occurrences(
    rule: str, first: datetime, zone: ZoneInfo, longest: timedelta = LONGEST_SERIES, most: int = MOST_SHIFTS
) -> list[datetime]:
    """Every occurrence on or after `first`, in UTC: at most so many, and none so long after it. Raises a problem of
    `rrule` when the rule is not one we take."""
    parts = _parts(rule)
    start = first.astimezone(zone).replace(tzinfo=None)
    end = start + longest
    count = int(parts.pop("COUNT", "0"))
    until = parts.pop("UNTIL", None)
    last = min(end, _until(until, zone)) if until else end
    found = list(islice(_local(parts, start, last), count or most + 1)) if last >= start else []
    if not found:
        raise _refused("没有任何一次落在规则内。", "has no occurrence.")
    if len(found) > most:
        raise _refused(f"最多 {most} 次。", f"must have at most {most} occurrences.")
    if len(found) < count or (until and last == end):
        raise _refused(f"不能晚于 {end.date()}。", f"must end by {end.date()}.")
    return [at_wall_clock(moment, zone) for moment in found]


def at_wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks in the zone show this."""
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _local(parts: dict[str, str], start: datetime, last: datetime) -> Iterator[datetime]:
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    return iter(rrulestr(f"{text};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=start))


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.strip().upper().removeprefix("RRULE:").strip(";").split(";")]
    parts = {name: value for name, _, value in pairs}
    allowed = PARTS.get(parts.get("FREQ", ""))
    if allowed is None:
        raise _refused(
            "应以 FREQ=DAILY、WEEKLY、MONTHLY 或 YEARLY 开头。", "must say FREQ=DAILY, WEEKLY, MONTHLY or YEARLY."
        )
    for name, value in parts.items():
        if name != "FREQ" and not (name in allowed and re.fullmatch(allowed[name], value)):
            raise _refused(
                f"不支持 {name[:20]}={value[:40]}。", f"may not say {name[:20]}={value[:40]} with this frequency."
            )
    if len(parts) < len(pairs) or {"BYDAY", "BYMONTHDAY"} <= parts.keys():
        raise _refused("每项只能写一次，星期与日期只选其一。", "may say each part once, and days of week or of month.")
    if ("COUNT" in parts) == ("UNTIL" in parts):
        raise _refused("须写 COUNT（次数）或 UNTIL（截止日）之一。", "must end: say either COUNT or UNTIL.")
    return parts


def _until(text: str, zone: ZoneInfo) -> datetime:
    """The last moment, as local clocks show it; a day counts to its end."""
    try:
        moment = datetime.strptime(text[:15], "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")
        if text.endswith("Z"):
            return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        return moment if "T" in text else moment + timedelta(days=1, seconds=-1)
    except (ValueError, OverflowError):
        raise _refused("UNTIL 不是有效日期。", "has an UNTIL that is no date.") from None


def _refused(zh: str, en: str) -> Exception:
    return invalid("rrule", Words(zh, en))
