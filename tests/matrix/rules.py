"""What the table must obey, whatever the routes are."""

import re
from dataclasses import dataclass
from typing import Any

from apiflask import APIFlask
from werkzeug.test import TestResponse

from services.common.auth import Caller as Kind
from services.common.rates import UNLIMITED
from tests.matrix.callers import ELSEWHERE, EVERYBODY, STAFF, WRONG, Town, Who
from tests.matrix.filled import addressed
from tests.matrix.samples import BODIES, FORMS, QUERIES, SAMPLES, SHARED, Made, Maker

YES = "✓"
OPEN = {Kind.ANYONE, Kind.LINK}


@dataclass(frozen=True)
class Route:
    """A method on a path, and who may call it."""

    method: str
    path: str
    callers: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<(?:[^:<>]+:)?([^<>]+)>", self.path)


def routes_of(app: APIFlask) -> list[Route]:
    """Every route, in a stable order."""
    found = [
        Route(method, rule.rule, getattr(app.view_functions[rule.endpoint], "allowed_callers", frozenset()))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in ("static", "openapi.spec")
    ]
    return sorted(found, key=lambda route: (route.path, route.method))


def unknown(routes: list[Route]) -> list[str]:
    """Paths with a parameter that nobody said how to make."""
    return [
        f"{route.name}: tests/matrix/samples/ has no sample of {name!r}"
        for route in routes
        for name in route.parameters
        if not _maker(route, name)
    ]


def _maker(route: Route, name: str) -> Maker | None:
    return SAMPLES.get(f"{route.path} {name}") or SAMPLES.get(name)


def fill(town: Town, route: Route) -> tuple[str, Made]:
    """The path with real records of the first site, freshly made."""
    made: Made = {}
    for name in route.parameters:
        maker = _maker(route, name)
        assert maker, route.name
        made[name] = maker(town, made)
    return addressed(route.path, made), made


def outcome(status: int) -> str:
    """How it is shown: refusals by their number; whatever else came of it, the caller was let in."""
    return str(status) if status in (401, 403, 404) or status >= 500 else YES


@dataclass
class Row:
    """What became of a route: by caller, and what strangers were shown that they should not see."""

    route: Route
    outcomes: dict[Who, str]
    leaks: list[str]
    refusals: dict[int, str]  # who was let in and yet refused, by status: what the service said
    done: bool = False  # whether it did for anybody what it is there for


def call_as_everybody(town: Town, route: Route) -> Row:
    """Call the route as every kind of caller. What deletes, or ends a part of something, gets a record for each.

    Whom it never admits is turned away before anything that they send is read, so they need send nothing good.
    """
    row = Row(route, {}, [], {})
    town.people_are_there()
    path, made = fill(town, route)
    for who in EVERYBODY:
        sent, query = {}, ""
        if _admits(route, who):
            if route.method == "DELETE" or (route.method == "POST" and len(route.parameters) > 1):
                path, made = fill(town, route)
            sent, query = _content(town, route, made), _query(town, route, made)
        answer = town.call(who, route.method, path + query, **sent)
        row.outcomes[who] = outcome(answer.status_code)
        row.done |= answer.status_code < 400 and not who.stranger
        if row.outcomes[who] == YES and answer.status_code >= 400:
            row.refusals[answer.status_code] = _words(answer)
        if who.stranger and not route.callers & OPEN and answer.status_code < 300:
            seen = answer.get_data().decode(errors="replace")  # some answers are files
            # An echo tells nobody anything.
            marks = [what for what in _private(town, made, who) if what not in str(sent)]
            row.leaks += [f"{route.name} showed {what} to {who.label}" for what in marks if what in seen]
    return row


def _words(answer: TestResponse) -> str:
    """What a refusal says: a page's alert, without its tags, or a problem's detail and errors."""
    problem = answer.get_json(silent=True)
    if problem:
        return f"{problem['detail']} {problem.get('errors', '')}"
    alert = re.search(r'<div class="alert alert-danger.*?</div>', answer.get_data(as_text=True), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", alert[0]).split()) if alert else "a page without an alert"


def _query(town: Town, route: Route, made: Made) -> str:
    query = QUERIES.get(route.name, "")
    return query(town, made) if callable(query) else query


def _content(town: Town, route: Route, made: Made) -> dict[str, Any]:
    """What is sent along: nothing, JSON, or what a page's form posts."""
    if route.method == "GET":
        return {}
    known = FORMS if route.name in FORMS else BODIES
    body = known.get(route.name, {})
    body = body(town, made) if callable(body) else body
    return {"If_Match": "*"} | ({"form": body} if known is FORMS else {"body": body})


def _private(town: Town, made: Made, who: Who) -> list[str]:
    """Marks of the first site that no stranger may be shown. Who they are themselves is no secret to them."""
    ids = [value for name, value in made.items() if name not in ("code", "site_id")]
    marks = [*ids, town.person, town.accounts[STAFF][0], "矩阵居民", "matrix@example.com", "矩阵同事"]
    if who is ELSEWHERE:
        return [mark for mark in marks if mark not in (town.person, "矩阵居民")] + [town.own.id]
    return marks


def faults(row: Row) -> list[str]:
    """Where a route does not obey."""
    found = list(row.leaks)
    for who, what in row.outcomes.items():
        wanted = _wanted(row.route, who)
        if what not in wanted:
            found.append(f"{row.route.name} as {who.label}: {what} where it should be {' or '.join(sorted(wanted))}")
    if not row.done:
        found.append(f"{row.route.name}: does it for nobody, so the sample or the body is wrong: {row.refusals}")
    return found


def _admits(route: Route, who: Who) -> bool:
    """Whether callers of that kind may call it at all."""
    if who is WRONG:
        return route.path in UNLIMITED
    return bool(route.callers & {*OPEN, who.kind}) or (who.operator and Kind.OPERATOR in route.callers)


def _wanted(route: Route, who: Who) -> set[str]:
    if who is WRONG:
        return {YES} if _admits(route, who) else {"401"}
    if route.callers & OPEN:
        return {YES, "403"}
    if who.kind is Kind.ANYONE:
        return {"401"}
    if not _admits(route, who):
        return {"403"}
    if who.stranger and route.parameters and route.name not in SHARED:
        return {"403", "404"}
    # Which of those who may call it may do it to this very record is for the route's own tests; the table shows it.
    return {YES, "403", "404"}
