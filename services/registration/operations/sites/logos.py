"""A site's logo: a small PNG, checked to its last byte and written anew with its picture alone.

Only PNG: SVG runs scripts, and of a JPEG we could neither check nor drop what a camera wrote into it. Everything that a
PNG carries beside the picture (texts, the place where a photograph was taken, whatever follows its end) is left out.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.errors import Problem, Words, invalid
from services.registration.models import SiteLogo
from services.registration.operations.sites.sites import lock_site

LARGEST_LOGO = 100_000
WIDEST_LOGO = 1024
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks of which the picture consists (PNG, third edition, 11.2 and 11.3.1)."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""By colour type: how many values a pixel has, and how many bits each may have (table 12)."""


def set_logo(session: Session, site_id: UUID, raw: bytes) -> None:
    """Give a site a logo: a PNG of at most 100 kB and 1024 by 1024 pixels; no bytes at all take it away."""
    lock_site(session, site_id)
    logo = session.get(SiteLogo, site_id)
    if not raw:
        if logo is not None:
            session.delete(logo)
    else:
        png = picture_of(raw)
        logo = logo or SiteLogo(site_id=site_id)
        logo.png, logo.sha256 = png, hashlib.sha256(png).hexdigest()
        session.add(logo)
    session.flush()


def picture_of(raw: bytes) -> bytes:
    """The same picture, with nothing else in the file. Raises 422 for what is no whole PNG of the right size."""
    if len(raw) > LARGEST_LOGO or not raw.startswith(SIGNATURE):
        raise _refusal()
    chunks = [(kind, content) for kind, content in _chunks(raw) if kind in PICTURE]
    kinds = [kind for kind, _ in chunks]
    in_order = [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]
    if in_order != [kind for kind in PICTURE if kind in kinds] or kinds.count(b"IHDR") != 1:
        raise _refusal()
    pixels = b"".join(content for kind, content in chunks if kind == b"IDAT")
    _check_picture(dict(chunks).get(b"IHDR", b""), b"PLTE" in kinds, pixels)
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to IEND; what is behind it is nobody's."""
    place, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if place + 12 > len(raw):
            raise _refusal()
        (size,) = struct.unpack_from(">I", raw, place)
        kind, content = raw[place + 4 : place + 8], raw[place + 8 : place + 8 + size]
        if raw[place + 8 + size : place + 12 + size] != struct.pack(">I", zlib.crc32(kind + content)):
            raise _refusal()
        if kind[:1].isupper() and kind not in PICTURE:
            raise _refusal()
        yield kind, content
        place += 12 + size


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _check_picture(head: bytes, has_palette: bool, pixels: bytes) -> None:
    """Refuse what does not unpack to exactly the pixels that the head tells of; never unpack more than these."""
    if len(head) != 13:
        raise _refusal()
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    sound = depth in DEPTHS.get(colour, ()) and not (compression or filtering or interlaced)
    if not sound or not (0 < width <= WIDEST_LOGO and 0 < height <= WIDEST_LOGO) or (colour == 3 and not has_palette):
        raise _refusal()
    row = 1 + (width * depth * CHANNELS[colour] + 7) // 8
    unpacked = zlib.decompressobj()
    try:
        lines = unpacked.decompress(pixels, row * height + 1)
    except zlib.error:
        raise _refusal() from None
    if len(lines) != row * height or not unpacked.eof or unpacked.unused_data or any(mark > 4 for mark in lines[::row]):
        raise _refusal()


def _refusal() -> Problem:
    return invalid(
        "logo",
        Words(
            "应为完整的 PNG 图片（不用隔行扫描），不超过 100 kB、1024×1024 像素；不接受 SVG、JPEG。",
            "must be a whole PNG, not interlaced, of at most 100 kB and 1024×1024 pixels; no SVG, no JPEG.",
        ),
    )
