"""What the routes have in common: answers with their ETag, pages with their Link, If-Match, Idempotency-Key."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar
from uuid import UUID

from flask import Response, g, json, request
from pydantic import BaseModel, ValidationError
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.common.auth import Principal
from services.common.database import Database
from services.common.errors import IF_MATCH_NEEDED, MALFORMED, SITE_NEEDED, Problem, Words, invalid
from services.common.idempotency import Attempt, earlier_answer, remember
from services.common.schemas import ListQuery
from services.common.web import link_next

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
View = TypeVar("View", bound=Callable[..., Any])

ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


class Sealer(Protocol):
    """What keeps a service's secrets: the answers that are kept with idempotency keys are among them."""

    def encrypt(self, value: str) -> bytes:
        """The value as it is stored."""

    def decrypt(self, stored: bytes) -> str:
        """The value again."""

    def fingerprint(self, *parts: str) -> bytes:
        """What tells one request from another; keyed."""


def answered(body: BaseModel | dict[str, Any], status: int = 200, following: str | None = None) -> Response:
    """The answer, with an ETag where it has a version; of a list, where it goes on."""
    model = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    response = _json(model, status)
    if "version" in model:
        response.set_etag(str(model["version"]))
    if following:
        link_next(response, following)
    return response


def _json(body: Any, status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status=status, mimetype="application/json")


def page(
    session: Session,
    select: Select[Any],
    column: InstrumentedAttribute[Any],
    query: ListQuery,
    describe: Callable[[Sequence[Any]], Sequence[BaseModel]],
) -> Response:
    """One page of the selected rows, in the order of `column`, which must be unique and never change."""
    if query.cursor is not None:
        select = select.where(column > _cursor_value(column, query.cursor))
    rows = session.scalars(select.order_by(column).limit(query.limit + 1)).all()
    shown = rows[: query.limit]
    response = _json({"items": [item.model_dump(mode="json") for item in describe(shown)]}, 200)
    if len(rows) > query.limit:
        link_next(response, getattr(shown[-1], column.key))
    return response


def _cursor_value(column: InstrumentedAttribute[Any], cursor: str) -> Any:
    if column.type.python_type is not int:
        return cursor
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "use the address in the Link header."))
    return int(cursor)


def expected_versions(required: bool = True) -> set[int] | None:
    """The versions in If-Match; None for `*`. Raises 428 when it is missing and required, 400 when malformed."""
    header = request.headers.get("If-Match", "").strip()
    if not header and required:
        raise Problem(
            IF_MATCH_NEEDED,
            Words(
                "请把读到的 ETag 放入 If-Match。", "Send the ETag that you read as If-Match, so that no edit is lost."
            ),
        )
    if header in ("", "*"):
        return None
    tags = [ETAG.fullmatch(tag.strip()) for tag in header.split(",")]
    if not all(tags):
        raise Problem(MALFORMED, Words('If-Match 应如 "3"。', 'If-Match must look like "3".'))
    return {int(tag[1]) for tag in tags if tag}


def attempt_of(sealer: Sealer, body: BaseModel) -> Attempt | None:
    """The present request as an attempt, None without an Idempotency-Key. Raises 400 when that is malformed."""
    key = idempotency_key()
    if key is None:
        return None
    fingerprint = sealer.fingerprint(request.method, request.path, body.model_dump_json(exclude_unset=True))
    return Attempt(owner_of(g.principal), key, fingerprint)


def idempotency_key() -> str | None:
    """The request's Idempotency-Key, None without one. Raises 400 when it is malformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem(
            MALFORMED,
            Words(
                "Idempotency-Key 应为 1–200 个可见 ASCII 字符。",
                "Idempotency-Key must be 1–200 visible ASCII characters.",
            ),
        )
    return key


def owner_of(principal: Principal) -> str:
    """Whose an idempotency key is: the site's, whichever of its keys is used; theirs who act beyond one site."""
    return str(principal.site_id) if principal.site_id and not principal.everywhere else principal.name


def json_body(model: type[BaseModel], optional: bool = False) -> Callable[[View], View]:
    """Like the blueprint's `input`, but read by pydantic alone: faster, and no body at all may stand for `{}`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def parsed(*args: Any, **kwargs: Any) -> Any:
            raw = request.get_data(cache=False)
            return view(*args, body=_parse(model, raw or b"{}" if optional else raw), **kwargs)

        parsed._spec = {**getattr(view, "_spec", {}), "body": model, "content_type": "application/json"}  # type: ignore[attr-defined]
        return parsed  # type: ignore[return-value]

    return decorate


def _parse(model: type[BaseModel], raw: bytes) -> BaseModel:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise
        raise Problem(MALFORMED, Words("请求正文应为有效的 JSON。", "The request body must be valid JSON.")) from error


def create(
    database: Database,
    sealer: Sealer,
    body: BaseModel,
    make: Callable[[Session], BaseModel],
    scope: str | None = None,
) -> Response:
    """Make something in one transaction with its Idempotency-Key, or give the first answer again.

    It sees what the caller sees, unless the operation itself asks who may and is given a wider `scope`.
    """
    attempt = attempt_of(sealer, body)
    with database.transaction(scope or g.principal.scope) as session:
        kept = earlier_answer(session, attempt) if attempt else None
        answer = json.loads(sealer.decrypt(kept["sealed"].encode())) if kept else make(session).model_dump(mode="json")
        if attempt and not kept:
            # Some answers hold a name or an address: what is kept of any is ciphertext.
            remember(session, attempt, {"sealed": sealer.encrypt(json.dumps(answer)).decode()})
    return answered(answer, 201)


def own_site() -> UUID:
    """The site that calls, or where staff work just now. Raises 403 for staff who have chosen none."""
    site_id: UUID | None = g.principal.site_id
    if site_id is None:
        raise Problem(SITE_NEEDED, Words("请先选择站点。", "Choose a site first."))
    return site_id
