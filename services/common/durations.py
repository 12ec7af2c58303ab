"""How long something took, as it is said: the one place that turns minutes into hours.

    duration(90)         # 1 小时 30 分钟 · 1 h 30 min: what people read, on pages, papers and in mails
    decimal_hours(100)   # 1.66: what machines add up, in badges and reports

Whole minutes are the truth and what is stored. People read hours and minutes, which are exact. Where a number of hours
is needed it has two digits and is cut, not rounded: nobody is shown more than was given, and one minute is 0.01.
"""

from services.common.errors import Words


def duration(minutes: int) -> Words:
    """Hours and minutes."""
    hours, rest = divmod(minutes, 60)
    zh = ([f"{hours} 小时"] if hours else []) + ([f"{rest} 分钟"] if rest or not hours else [])
    en = ([f"{hours:,} h"] if hours else []) + ([f"{rest} min"] if rest or not hours else [])
    return Words(" ".join(zh), " ".join(en))


def decimal_hours(minutes: int) -> float:
    """Hours with two digits, cut."""
    return minutes * 100 // 60 / 100
