"""The font that papers and pictures are set in, for typst: one for all services, and none of the machine's own.

compiler = typst.Compiler(font_paths=fonts(), root=str(folder))
missing = [letter for letter in name if ord(letter) not in covered()]
"""

import struct
from functools import cache
from pathlib import Path

import typst

FONTS = Path(__file__).parent / "fonts"
FONT = FONTS / "NotoSansSC-Regular.ttf"


@cache
def fonts() -> typst.Fonts:
    """What typst may use."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])


@cache
def covered() -> frozenset[int]:
    """The code points that the font has, from the table of its groups (`cmap`, format 12)."""
    font = FONT.read_bytes()
    tables = {font[at : at + 4]: struct.unpack(">II", font[at + 8 : at + 16]) for at in range(12, 12 + 16 * 64, 16)}
    start = tables[b"cmap"][0]
    for number in range(struct.unpack(">H", font[start + 2 : start + 4])[0]):
        (offset,) = struct.unpack(">I", font[start + 8 + 8 * number : start + 12 + 8 * number])
        table = start + offset
        if struct.unpack(">H", font[table : table + 2])[0] == 12:
            (groups,) = struct.unpack(">I", font[table + 12 : table + 16])
            found: set[int] = set()
            for place in range(table + 16, table + 16 + 12 * groups, 12):
                first, last, _ = struct.unpack(">III", font[place : place + 12])
                found.update(range(first, last + 1))
            return frozenset(found)
    raise ValueError(f"{FONT.name} has no table of characters that this reads")
