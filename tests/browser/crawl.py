"""Goes wherever links lead from a page, and looks at each kind of page once in both languages, as on a phone.

    found = Crawl(visitor, app).follow("/staff/")       # what is wrong, page by page

A kind of page is a route: of a hundred rosters one is looked at. Only GET; what is no page (a file, a feed) is fetched.
"""

import re
from collections.abc import Iterable

from apiflask import APIFlask
from playwright.sync_api import APIResponse, Error, Response
from werkzeug.exceptions import HTTPException

from tests.browser.conftest import SIZES, Visitor, axe_finds

CHINESE = """() => {
  const found = [];
  const note = (element, words) => {
    const chinese = /[\\u4e00-\\u9fff]/.test(words || '');
    if (chinese && !element.closest('[lang^=zh], script, style')) found.push(words.trim());
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) note(texts.currentNode.parentElement, texts.currentNode.data);
  for (const element of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]'))
    for (const name of ['aria-label', 'placeholder', 'title', 'alt']) note(element, element.getAttribute(name));
  note(document.body, document.title);
  return found;
}"""
DATA = ("中文", "参与者", "学员", "国庆节", "半天", "太原市")
"""What is Chinese in every language: a language's name, examples of what to write, what roles are called by default."""
UNFOLD = "() => document.querySelectorAll('details').forEach(one => { one.open = true })"
TOO_WIDE = "() => document.documentElement.scrollWidth - window.innerWidth"
LINKS = "links => links.map(link => link.href)"


class Crawl:
    """One visitor's way. Routes that were `seen` are not looked at again; `written` is what people wrote, in whatever
    language."""

    def __init__(
        self, visitor: Visitor, app: APIFlask, seen: set[str] | None = None, written: Iterable[str] = ()
    ) -> None:
        self._visitor, self._page = visitor, visitor.page
        self._routes = app.url_map.bind("")
        self.seen: set[str] = set() if seen is None else seen
        self._faults: list[str] = []
        self._data = (*sorted(written, key=len, reverse=True), *DATA)
        self._page.set_viewport_size(SIZES["phone"])  # type: ignore[arg-type]
        # A button that is unfolded fades in, and axe would measure its colours on the way.
        self._page.emulate_media(reduced_motion="reduce")

    def follow(self, *starts: str) -> list[str]:
        """What is wrong with the pages that are reached from these."""
        waiting = list(starts)
        while waiting:
            path = waiting.pop(0)
            route = self._route_of(path)
            if route and route not in self.seen:
                self.seen.add(route)
                waiting += self._look(path)
        return self._faults

    def _route_of(self, path: str) -> str:
        try:
            return str(self._routes.match(path.partition("?")[0].partition("#")[0], method="GET")[0])
        except HTTPException:
            self._faults.append(f"{path}: a link to no page")
            return ""

    def _look(self, path: str) -> list[str]:
        for language in ("zh", "en"):
            self._visitor.speak(language)
            answer = self._fetch(path)
            if answer.status != 200:
                self._faults.append(f"{path}: {answer.status}")
                return []
            if "text/html" not in answer.headers["content-type"]:
                return []
            self._page.evaluate(UNFOLD)
            if (wide := self._page.evaluate(TOO_WIDE)) > 0:
                self._faults.append(f"{path} in {language}: scrolls sideways by {wide} pixels")
        self._faults += [f"{path} in en: {words}" for words in self._page.evaluate(CHINESE) if not self._is_data(words)]
        if found := axe_finds(self._page):
            self._faults.append(f"{path}: {found}")
        here = self._page.eval_on_selector_all("a[href]", LINKS)
        return [
            link.removeprefix(self._visitor.address) for link in here if link.startswith(self._visitor.address + "/")
        ]

    def _fetch(self, path: str) -> Response | APIResponse:
        address = self._visitor.address + path
        try:
            answer = self._page.goto(address)
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            return self._page.context.request.get(address)  # a file, which a browser saves and does not show
        assert answer
        return answer

    def _is_data(self, words: str) -> bool:
        for known in self._data:
            words = words.replace(known, "")
        return not re.search("[\u4e00-\u9fff]", words)
