"""The limit on requests per caller."""

from services.common.rates import Windows


def test_a_caller_has_so_many_requests_a_minute_and_then_none() -> None:
    windows = Windows(3)
    assert [bool(windows.count("a", now=60)) for _ in range(4)] == [True, True, True, False]
    assert windows.count("b", now=61), "another caller is not held up"
    standing = windows.count("a", now=120)
    assert standing is not None and (standing.remaining, standing.reset) == (2, 60)


def test_it_remembers_nothing_of_the_minute_before() -> None:
    windows = Windows(1)
    for caller in range(1000):
        windows.count(str(caller), now=0)
    windows.count("last", now=60)
    assert len(windows._counts) == 1
