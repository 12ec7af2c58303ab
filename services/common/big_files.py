"""A form with a large file, read as it comes: what stands before the file first, then the file, a piece at a time.

    @blueprint.post("/imports")
    @takes_file(most=540_000_000)
    @allow(Caller.STAFF)
    def upload() -> Answer:
        form = read_form(ImportBody)                # as with any other form
        for piece in file_pieces(900_000): ...      # no more than one is in memory

Nothing of it lies on disk, where it would lie as it is. A field that stands after the file is not read: the form's
token and what else it says must come before.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from flask import current_app, g, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from services.common.errors import MALFORMED, TOO_LARGE, Problem, Words

View = TypeVar("View", bound=Callable[..., Any])

READ = 64 * 1024
MOST_PARTS = 50
BESIDE_THE_FILE = 100_000
"""Bytes of fields and headings that a form may have."""

BROKEN_OFF = Words("上传中断，请重新上传。", "The upload broke off. Send the file again.")


def takes_file(most: int) -> Callable[[View], View]:
    """Mark a view whose form has a file of up to so many bytes, which it reads by `file_pieces`."""

    def mark(view: View) -> View:
        view.largest_file = most  # type: ignore[attr-defined]
        return view

    return mark


def posted() -> MultiDict[str, str]:
    """The fields of the posted form. Of a view that takes a large file, those before the file, which is not read yet.

    Raises 413 for a file that is too large by what the browser says, 400 for what is no form.
    """
    most = getattr(current_app.view_functions.get(request.endpoint or ""), "largest_file", 0)
    if most and request.mimetype == "multipart/form-data" and "upload" not in g:
        g.upload = Upload(most)
        request.form = ImmutableMultiDict(g.upload.fields)
    return cast("MultiDict[str, str]", request.form)


def file_pieces(size: int) -> Iterator[bytes]:
    """The file of the posted form in pieces of so many bytes, the last one smaller; nothing where there is none.

    Raises 400 when it breaks off, 413 when it turns out too large.
    """
    return g.upload.pieces(size) if "upload" in g else iter(())


def leave_file() -> None:
    """Read what is left of the file and forget it: a browser looks at no answer before it has sent everything."""
    for _ in file_pieces(READ):
        pass


class Upload:
    """A form on its way in."""

    def __init__(self, most: int) -> None:
        self._most = most
        if (request.content_length or 0) > most + BESIDE_THE_FILE:
            raise _too_large(most)
        request.max_content_length = most + BESIDE_THE_FILE
        boundary = request.mimetype_params.get("boundary", "").encode()
        self._decoder = MultipartDecoder(boundary, BESIDE_THE_FILE, max_parts=MOST_PARTS)
        self._events = self._read()
        self.fields: list[tuple[str, str]] = []
        self._read_fields()

    def _read(self) -> Iterator[Any]:
        """What the form consists of, in order, as it comes."""
        try:
            while True:
                event = self._decoder.next_event()
                if isinstance(event, NeedData):
                    self._decoder.receive_data(request.stream.read(READ) or None)
                    continue
                yield event
                if isinstance(event, Epilogue):
                    return
        except RequestEntityTooLarge:
            raise _too_large(self._most) from None
        except ValueError:  # no boundary, headings that are none, the end before the end
            raise Problem(MALFORMED, BROKEN_OFF) from None

    def _read_fields(self) -> None:
        name, value = "", b""
        for event in self._events:
            if isinstance(event, File):
                return
            if isinstance(event, Field):
                name, value = event.name or "", b""
            elif isinstance(event, Data):
                value += event.data
                if len(value) > BESIDE_THE_FILE:
                    raise _too_large(BESIDE_THE_FILE)
                if not event.more_data:
                    self.fields.append((name, value.decode(errors="replace")))

    def pieces(self, size: int) -> Iterator[bytes]:
        """The file, once."""
        waiting = bytearray()
        in_file = True
        for event in self._events:
            if in_file and isinstance(event, Data):
                waiting += event.data
                in_file = event.more_data
            while len(waiting) >= size:
                yield bytes(waiting[:size])
                del waiting[:size]
        if waiting:
            yield bytes(waiting)


def _too_large(most: int) -> Problem:
    shown = f"{most / 1_000_000:,.0f} MB"
    return Problem(
        TOO_LARGE,
        Words(
            f"文件太大，最多 {shown}。请分成几个文件，分别上传。",
            f"This file is too large: at most {shown}. Cut it into several and send them one by one.",
        ),
    )
