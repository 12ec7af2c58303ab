"""Small files that would take all memory, or end the worker: refused in words, and not tried for ever."""

import io
import zipfile
from collections.abc import Callable

import pytest

from services.registration.operations.exports import steps as exporting
from services.registration.operations.imports import steps
from services.registration.spreadsheets import unpacking
from services.registration.spreadsheets.texts import Unreadable
from services.registration.spreadsheets.unpacking import unpacked
from tests.registration.exchange.files import Importer, as_xlsx, upload
from tests.registration.world import Site, fresh_phone

FAR = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'


def far_away() -> bytes:
    """A workbook of a kilobyte with something in the last cell of the sheet."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_xlsx(("林小满", fresh_phone())))) as good, zipfile.ZipFile(content, "w") as bad:
        for name in good.namelist():
            text = good.read(name)
            bad.writestr(name, text.replace(b"</sheetData>", FAR.encode() + b"</sheetData>"), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def shared() -> bytes:
    """One long text that fifty thousand cells share."""
    return as_xlsx(*[("长" * 32_000, "13800000000")] * 50_000)


@pytest.mark.parametrize("bomb", [far_away, shared])
def test_a_small_file_that_asks_for_all_memory_is_refused(
    site: Site, importer: Importer, bomb: Callable[[], bytes]
) -> None:
    content = bomb()
    assert len(content) < 500_000
    assert importer.faults(site, content) == [(0, "", "workbook_too_large")]


def test_what_comes_out_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_CSV", 1_000)
    with pytest.raises(Unreadable, match="workbook_too_large"):
        list(unpacked(as_xlsx(*[("林小满", fresh_phone())] * 100)))


class Killed(BaseException):
    """The worker is gone, with nobody to say so."""


def _dies(*_: object) -> None:
    raise Killed


def test_a_file_that_ends_its_worker_is_given_up_visibly_and_can_be_tried_again(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = upload(site, as_xlsx(("林小满", fresh_phone())))
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    with monkeypatch.context() as broken:
        broken.setattr(steps, "work_on_part", _dies)
        for _ in range(steps.MOST_ATTEMPTS):
            with pytest.raises(Killed):
                importer.work()
            site.sql("UPDATE imports SET claimed_until = now() WHERE id = :id", id=made)
        assert importer.work() == 0, "it is not begun once more"
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["error"]) == ("failed", "WorkerLost")
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    importer.work()
    assert site.expect(200, "GET", f"/v1/imports/{made}")["state"] == "checked"


def test_a_worker_that_comes_further_each_time_is_not_given_up(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHECK_SLICE", 1)
    made = upload(site, as_xlsx(*[("林小满", fresh_phone()) for _ in range(12)]))
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    slicing = steps._slice

    def once(*given: object) -> bool:
        slicing(*given)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(steps, "_slice", once)
        for _ in range(12):
            with pytest.raises(Killed):
                importer.work()
            site.sql("UPDATE imports SET claimed_until = now() WHERE id = :id", id=made)
    importer.work()
    assert site.expect(200, "GET", f"/v1/imports/{made}")["state"] == "checked"


def test_an_export_that_ends_its_worker_is_given_up(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other tests have asked for and nobody wrote would be claimed in between.
    exporting.write_exports(importer.database, importer.data)
    made = site.expect(201, "POST", "/v1/exports", {"format": "csv"})["id"]
    monkeypatch.setattr(exporting, "_write", _dies)
    for _ in range(exporting.MOST_ATTEMPTS):
        with pytest.raises(Killed):
            exporting.write_exports(importer.database, importer.data)
        site.sql("UPDATE exports SET claimed_until = now() WHERE id = :id", id=made)
    assert exporting.write_exports(importer.database, importer.data) == 0
    found = site.expect(200, "GET", f"/v1/exports/{made}")
    assert (found["state"], found["error"]) == ("failed", "WorkerLost")
