"""A logo is a PNG to its last byte, and is kept with its picture alone."""

import struct
import zlib

import pytest

from services.common.errors import Problem
from services.registration.operations.sites.logos import SIGNATURE, picture_of
from tests.registration.test_site_settings import png


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def image(*more: bytes, size: int = 8, colour: int = 0, rows: bytes | None = None, interlaced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", size, size, 8, colour, 0, 0, interlaced)
    lines = zlib.compress(bytes(size * (size + 1)) if rows is None else rows)
    return SIGNATURE + chunk(b"IHDR", head) + b"".join(more) + chunk(b"IDAT", lines) + chunk(b"IEND")


def test_only_the_picture_is_kept() -> None:
    said = chunk(b"tEXt", b"Author\0somebody") + chunk(b"eXIf", b"where it was taken")
    assert picture_of(image(said) + b"<script>") == image()
    palette = chunk(b"PLTE", bytes(6))
    assert picture_of(image(palette, colour=3)) == image(palette, colour=3)


@pytest.mark.parametrize(
    "wrong",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0JFIF",
        image()[:-4],  # cut off
        image().replace(b"IDAT", b"IDAU"),  # a check sum that is none
        image(rows=b"\0" * 50_000_000),  # unpacks to more than the head tells of
        image(rows=bytes(10)),  # and to less
        image(rows=b"\x09" * 72),  # filters that are none
        image(interlaced=1),
        image(colour=3),  # colours of a palette that is not there
        image(chunk(b"XYZW")),  # a chunk that must be understood, and is not
        image(chunk(b"IHDR", bytes(13))),
        png(8, 8, 10),  # something behind the pixels
    ],
)
def test_what_is_no_whole_picture_is_refused(wrong: bytes) -> None:
    with pytest.raises(Problem):
        picture_of(wrong)
