"""Twenty thousand rows end to end: in seconds, and in memory that does not grow with the file."""

import itertools
import tracemalloc

from tests.registration.exchange.files import Importer, as_csv
from tests.registration.world import Site

_phones = itertools.count(13_900_000_000)


def big(count: int) -> bytes:
    """So many people."""
    return as_csv(*[(f"居民{n}", str(next(_phones)), f"b{n}@example.com", "1961-07-13") for n in range(count)])


def test_twenty_thousand_rows_come_in(site: Site, importer: Importer) -> None:
    found = importer.apply(site, big(20_000))
    assert (found["applied"], found["new_people"], found["parts"]) == (20_000, 20_000, 2)
    assert site.sql("SELECT count(*) FROM person_sites WHERE site_id = :id", id=site.id)[0].count == 20_000


def test_memory_is_that_of_a_part_and_not_of_the_file(site: Site, importer: Importer) -> None:
    def peak(count: int) -> int:
        content = big(count)
        importer.check(site, content, size=30_000)
        tracemalloc.start()
        importer.check(site, content, size=30_000)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(6_000) < 1.5 * peak(1_500)
