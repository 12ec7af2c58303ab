"""A page's form as somebody sends it: with what it holds already, and with what they fill in.

FORMS = filled("/staff/teams/<uuid:team_id>/edit", name_zh="矩阵队二")          # the page has the same address
FORMS = filled("/staff/people/<uuid:person_id>/consents", page="/staff/people/<uuid:person_id>")
"""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from tests.matrix.callers import STAFF, Town, Who

Fields = dict[str, list[str]]
Maker = Callable[[Town, dict[str, str]], dict[str, Any]]


def addressed(path: str, made: dict[str, str]) -> str:
    """The path of a route with records in the place of its parameters."""
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: made[found[1]], path)


def filled(path: str, page: str = "", who: Who = STAFF, fields: Maker | None = None, **more: str) -> dict[str, Maker]:
    """What `who` sends from the form on the page that is posted to the path, as an entry of FORMS."""

    def fill(town: Town, made: dict[str, str]) -> dict[str, Any]:
        wanted, address = addressed(path, made), addressed(page or path, made)
        answer = town.call(who, "GET", address, Accept="text/html")
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.get_data(as_text=True)}"
        found = _Forms(answer.get_data(as_text=True)).posted_to(wanted, address)
        return found | more | (fields(town, made) if fields else {})

    return {f"POST {path}": fill}


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._found: list[tuple[str, Fields]] = []
        self._inside: Fields | None = None
        self._writing = ""
        self._options: list[str] = []
        self.feed(page)

    def posted_to(self, path: str, page: str) -> Fields:
        """What the first form holds that goes there, or to a step below it. Its token is sent in a header."""
        found = [(urlsplit(action).path or page, fields) for action, fields in self._found]
        there = [fields for to, fields in found if to == path] or [
            fields for to, fields in found if to.startswith(path)
        ]
        assert there, f"{page} has no form that is posted to {path}"
        return {name: values for name, values in there[0].items() if name != "csrf_token"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form" and has.get("method") == "post":
            self._inside = {}
            self._found.append((has.get("action", ""), self._inside))
        elif tag == "input":
            self._take(has)
        elif tag in ("textarea", "select"):
            self._writing, self._options = has.get("name", ""), []
            self._put(self._writing, "")
        elif tag == "option" and ("selected" in has or not self._options):
            self._options.append(has["value"])
            self._put(self._writing, has["value"], instead=True)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag in ("textarea", "select"):
            self._writing = ""

    def handle_data(self, data: str) -> None:
        if self._writing and not self._options and data.strip():
            self._put(self._writing, data, instead=True)

    def _take(self, has: dict[str, str]) -> None:
        kind, ticked = has.get("type", "text"), "checked" in has
        if kind not in ("file", "submit") and "disabled" not in has and (ticked or kind not in ("checkbox", "radio")):
            self._put(has.get("name", ""), has.get("value", ""))

    def _put(self, name: str, value: str, instead: bool = False) -> None:
        if self._inside is not None and name:
            self._inside[name] = [value] if instead else [*self._inside.get(name, []), value]
