"""Invented people for the examples: names out of syllables, addresses at example.com, phones 1990 000 0000 and up.

Nobody is behind them. Every run draws other ones, so that a second run signs up new people; those of run 0 are the
members of the demo data's teams, always the same.
"""

import secrets
from itertools import product
from typing import Any

# Words of weather and landscape, which are nobody's family name and given name together.
FIRST = ("云", "岚", "汐", "霁", "霞", "溪", "岭", "潮", "露", "霜")
SECOND = ("禾", "笙", "弦", "铃", "笛", "鼓", "歌", "谣", "韵", "琴")
FIRST_EN = ("Bo", "Da", "Fi", "Ga", "Ki", "Lu", "Mo", "Ni", "Ra", "Su")
SECOND_EN = ("lin", "mar", "nor", "pel", "rin", "sol", "tam", "ven", "wick", "zan")

ENGLISH_EVERY = 10
"""Every so many people one reads English."""


def invent(count: int, run: int | None = None) -> list[dict[str, Any]]:
    """Up to 100 people of 18 or older as a sign-up takes them, each with phone, email, birth date and language."""
    run = 1 + secrets.randbelow(99_999) if run is None else run
    names_zh = [a + b for a, b in product(FIRST, SECOND)]
    names_en = [a + b for a, b in product(FIRST_EN, SECOND_EN)]
    return [
        {
            "name": names_en[i] if i % ENGLISH_EVERY == 0 else names_zh[i],
            "phone": f"+861990{run:05d}{i:02d}",
            "email": f"demo-{run:05d}-{i:02d}@example.com",
            "birth_date": f"{1950 + i % 58}-{1 + i % 12:02d}-{1 + i % 28:02d}",
            "language": "en" if i % ENGLISH_EVERY == 0 else "zh-CN",
        }
        for i in range(count)
    ]
