"""Errors for people: RFC 9457 problem documents, in Chinese or English, that say what is wrong, where, what to do.

    raise Problem(NOT_FOUND, Words("没有这个活动。", "There is no such activity."))

Raise a `Problem` when the caller can do something about it; let everything else rise. `register_errors` turns
whatever rises into a problem document: an outage of the database is 503, a bug is 500 with the request id and nothing
else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import psycopg
from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, g, json, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import LanguageAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header

from services.common.database import is_outage
from services.common.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Words:
    """One sentence in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh if language() == "zh" else self.en


def called(row: Any, field: str = "name") -> Words:
    """What a row or a dict is called (`name_zh` and `name_en`; or its title, …). A language that is missing has the
    other's word, wherever a name is shown."""
    get = row.get if isinstance(row, dict) else lambda key, default: getattr(row, key, default)
    zh, en = str(get(f"{field}_zh", "") or ""), str(get(f"{field}_en", "") or "")
    return Words(zh or en, en or zh)


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its stable name, HTTP status and title."""

    slug: str
    status: int
    title: Words


@dataclass(frozen=True)
class FieldError:
    """One thing wrong in a request: `field` is its path, e.g. `person.phone`."""

    field: str
    message: Words


NOT_JSON = Kind("not-json", 415, Words("请求应为 JSON", "The request must be JSON"))
MALFORMED = Kind("malformed", 400, Words("请求无法读取", "The request cannot be read"))
UNAUTHENTICATED = Kind("unauthenticated", 401, Words("需要有效的密钥", "A valid key is needed"))
FORBIDDEN = Kind("forbidden", 403, Words("无权进行此操作", "Not allowed"))
SITE_NEEDED = Kind("site-needed", 403, Words("请先选择站点", "Choose a site first"))
NOT_FOUND = Kind("not-found", 404, Words("没有找到", "Not found"))
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, Words("不支持此方法", "Method not allowed"))
LINK_NEEDED = Kind("link-needed", 403, Words("需要新的链接", "A fresh link is needed"))
"""For who came by the link of a mail, which lasts and may have been passed on."""

GONE = Kind("gone", 410, Words("已经没有了", "Gone"))
CONFLICT = Kind("conflict", 409, Words("与现状冲突", "Conflict with what is"))
IN_PROGRESS = Kind("in-progress", 409, Words("相同的请求正在处理", "The same request is in progress"))
CHANGED_MEANWHILE = Kind("changed-meanwhile", 412, Words("已被他人修改", "Changed meanwhile"))
TOO_LARGE = Kind("too-large", 413, Words("请求过大", "The request is too large"))
INVALID = Kind("invalid", 422, Words("内容有误", "Something in the request is wrong"))
KEY_REUSED = Kind(
    "idempotency-key-reused", 422, Words("幂等键已用于其他请求", "Idempotency-Key used for another request")
)
IF_MATCH_NEEDED = Kind("if-match-needed", 428, Words("需要 If-Match", "If-Match is needed"))
TOO_MANY = Kind("too-many-requests", 429, Words("请求过于频繁", "Too many requests"))
INTERNAL = Kind("internal", 500, Words("系统内部错误", "Internal error"))
UNAVAILABLE = Kind("unavailable", 503, Words("服务暂时不可用", "Temporarily unavailable"))


MOST_ERRORS = 50
"""Wrong fields that one answer lists."""


class Problem(Exception):
    """Something that the caller can do something about; becomes the answer."""

    def __init__(
        self, kind: Kind, detail: Words, errors: Sequence[FieldError] = (), **members: str | list[str]
    ) -> None:
        """`members` are further members of the document, by name, for programs to read."""
        super().__init__(f"{kind.slug}: {detail.en}")
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.members = members


def invalid(field_name: str, message: Words) -> Problem:
    """The problem of one wrong field."""
    detail = Words(f"{field_name}:{message.zh}", f"{field_name} {message.en}")
    return Problem(INVALID, detail, [FieldError(field_name, message)])


def not_found(zh: str, en: str) -> Problem:
    """The problem of a thing that is not there, or that the caller may not know of."""
    return Problem(NOT_FOUND, Words(f"没有找到{zh}。", f"There is no such {en}."))


LANGUAGE_COOKIE = "hesheng_language"


def language() -> str:
    """The caller's language: `zh` or `en`, by what they chose, then what they ask for; else the usual one, Chinese."""
    if "language" not in g and request.cookies.get(LANGUAGE_COOKIE) in ("zh", "en"):
        g.language = request.cookies[LANGUAGE_COOKIE]
    if "language" not in g:
        # Once a request, and from the start of the header only: whoever sends thousands of languages pays alone.
        asked = parse_accept_header(request.headers.get("Accept-Language", "")[:200], LanguageAccept)
        g.language = asked.best_match(["zh", "zh-CN", "en"], default=g.get("usual_language", "zh"))[:2]
    return g.language


def speak_usually(usual: str) -> None:
    """Speak this language to whoever neither chose nor asks for one that we speak: that of the site whose page it is.
    Before anything is said."""
    g.usual_language = usual
    g.pop("language", None)


# What pydantic finds, in words. The English is ours too, so that both say the same.
_FIELD_WORDS: dict[str, Words] = {
    "missing": Words("必填。", "is required."),
    "extra_forbidden": Words("没有这个字段。", "is not a known field."),
    "nul_byte": Words("不能含有空字符（NUL）。", "must not contain a NUL character."),
    "string_type": Words("应为文字。", "must be a string."),
    "string_unicode": Words("应为有效的 Unicode 文字。", "must be valid Unicode."),
    "string_too_short": Words("至少 {min_length} 个字符。", "must have at least {min_length} character(s)."),
    "string_too_long": Words("最多 {max_length} 个字符。", "must have at most {max_length} characters."),
    "string_pattern_mismatch": Words("格式应为 {pattern}。", "must match {pattern}."),
    "int_type": Words("应为整数。", "must be a whole number."),
    "int_parsing": Words("应为整数。", "must be a whole number."),
    "int_from_float": Words("应为整数。", "must be a whole number."),
    "int_parsing_size": Words("数字过大。", "is too large a number."),
    "bool_type": Words("应为 true 或 false。", "must be true or false."),
    "bool_parsing": Words("应为 true 或 false。", "must be true or false."),
    "greater_than": Words("应大于 {gt}。", "must be greater than {gt}."),
    "greater_than_equal": Words("不能小于 {ge}。", "must be at least {ge}."),
    "less_than": Words("应小于 {lt}。", "must be less than {lt}."),
    "less_than_equal": Words("不能大于 {le}。", "must be at most {le}."),
    "enum": Words("应为以下之一：{expected}。", "must be one of {expected}."),
    "literal_error": Words("应为以下之一：{expected}。", "must be one of {expected}."),
    "uuid_parsing": Words("应为 UUID。", "must be a UUID."),
    "uuid_type": Words("应为 UUID。", "must be a UUID."),
    "list_type": Words("应为列表。", "must be a list."),
    "dict_type": Words("应为对象。", "must be an object."),
    "model_type": Words("应为对象。", "must be an object."),
    "model_attributes_type": Words("应为对象。", "must be an object."),
    "too_short": Words("至少 {min_length} 项。", "must have at least {min_length} item(s)."),
    "too_long": Words("最多 {max_length} 项。", "must have at most {max_length} items."),
    "timezone_aware": Words("时间需带时区，如 +08:00。", "needs a UTC offset, such as +08:00."),
    "datetime_parsing": Words("应为 RFC 3339 时间。", "must be an RFC 3339 time."),
    "datetime_from_date_parsing": Words("应为 RFC 3339 时间。", "must be an RFC 3339 time."),
    "datetime_type": Words("应为 RFC 3339 时间。", "must be an RFC 3339 time."),
    "date_parsing": Words("应为日期，如 2026-12-01。", "must be a date, such as 2026-12-01."),
    "date_from_datetime_parsing": Words("应为日期，如 2026-12-01。", "must be a date, such as 2026-12-01."),
    "date_from_datetime_inexact": Words("应为日期，如 2026-12-01。", "must be a date, such as 2026-12-01."),
    "date_type": Words("应为日期，如 2026-12-01。", "must be a date, such as 2026-12-01."),
}


def field_error(details: ErrorDetails) -> FieldError:
    """One of pydantic's findings in both languages. A validator of ours raises `zh` and `en` in its context."""
    context = details.get("ctx", {})
    words = _FIELD_WORDS.get(details["type"])
    if words is None:
        words = Words(
            str(context.get("zh", f"无效（{details['msg']}）。")), str(context.get("en", f"{details['msg']}."))
        )
    else:
        listed = str(context.get("expected", "")).replace(" or ", " 或 ").replace(", ", "、")
        words = Words(words.zh.format(**context | {"expected": listed}), words.en.format(**context))
    return FieldError(".".join(str(part) for part in details["loc"]) or "body", words)


def invalid_fields(error: ValidationError) -> Problem:
    """Everything that pydantic found, as one problem."""
    found = error.error_count()
    errors = [
        field_error(details) for details in islice(error.errors(include_url=False, include_input=False), MOST_ERRORS)
    ]
    return Problem(
        INVALID, Words(f"有 {found} 处错误，什么都没有改变。", f"{found} error(s); nothing was changed."), errors
    )


def problem_response(problem: Problem) -> Response:
    """The problem document, in the caller's language."""
    body = {
        "type": f"urn:hesheng:problem:{problem.kind.slug}",
        "title": str(problem.kind.title),
        "status": problem.kind.status,
        "detail": str(problem.detail),
        "instance": request.path,
        "request_id": g.get("request_id"),
    }
    body |= problem.members
    if problem.errors:
        body["errors"] = [{"field": error.field, "message": str(error.message)} for error in problem.errors]
    response = Response(
        json.dumps(body, ensure_ascii=False), status=problem.kind.status, mimetype="application/problem+json"
    )
    response.headers["Content-Language"] = "zh-CN" if language() == "zh" else "en"
    if problem.kind is UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hesheng"'
    if problem.kind in (UNAVAILABLE, IN_PROGRESS):
        response.headers["Retry-After"] = "1"
    if "retry_after" in problem.members:
        response.headers["Retry-After"] = str(problem.members["retry_after"])
    return response


_BY_STATUS: dict[int, tuple[Kind, Words]] = {
    400: (MALFORMED, Words("请求正文应为有效的 JSON。", "The request body must be valid JSON.")),
    404: (NOT_FOUND, Words("没有这个地址。", "There is nothing at this address.")),
    405: (METHOD_NOT_ALLOWED, Words("此地址不支持该方法。", "This address does not take that method.")),
    413: (TOO_LARGE, Words("请求正文不能超过 1 MB。", "The request body must not exceed 1 MB.")),
    429: (TOO_MANY, Words("请稍后再试。", "Please try again a little later.")),
}

_OUTAGE = Words("请稍后以同一幂等键重试。", "Please try again shortly, with the same Idempotency-Key.")
_BUG = Words("请把 request_id 告诉运维人员。", "Please give the operator the request_id.")


def as_problem(error: Exception) -> Problem:
    """Whatever rose, as what the caller is told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return invalid_fields(error)
    if isinstance(error, HTTPError):
        cause = error.__cause__
        return invalid_fields(cause) if isinstance(cause, ValidationError) else _by_status(error.status_code)
    if isinstance(error, HTTPException):
        return _by_status(error.code or 500)
    if isinstance(error, RecursionError):
        return _by_status(400)
    if isinstance(error, PoolTimeout | psycopg.OperationalError) or (
        isinstance(error, DBAPIError) and is_outage(error)
    ):
        log.error("database_outage", error=repr(error)[:300])
        return Problem(UNAVAILABLE, _OUTAGE)
    if isinstance(error, DataError) and "NUL" in str(error.orig):
        # Wherever a form is read by hand: no database keeps it, and nobody means it.
        return Problem(MALFORMED, Words("内容中不能有空字符（NUL）。", "Nothing may have a NUL character."))
    if isinstance(error, IntegrityError):
        log.warning("integrity_error", constraint=getattr(getattr(error.orig, "diag", None), "constraint_name", None))
        return Problem(CONFLICT, Words("与已有的记录冲突。", "This conflicts with a record that exists."))
    log.exception("unhandled_error", error_type=type(error).__name__)
    return Problem(INTERNAL, _BUG)


def _by_status(status: int) -> Problem:
    known = _BY_STATUS.get(status)
    if known or status >= 500:
        return Problem(*known) if known else Problem(INTERNAL, _BUG)
    return Problem(
        Kind("refused", status, Words("请求被拒绝", "The request was refused")),
        Words("请检查请求。", "Please check the request."),
    )


def register_errors(app: APIFlask, answer: Callable[[Problem], Response] = problem_response) -> None:
    """Every error of the app becomes what `answer` makes of it."""
    app.register_error_handler(Exception, lambda error: answer(as_problem(error)))
    app.error_processor(lambda error: answer(as_problem(error)))


@dataclass
class FieldErrors:
    """Collects several findings of an operation, to be raised together."""

    found: list[FieldError] = field(default_factory=list)

    def add(self, field_name: str, message: Words) -> None:
        """Note one finding."""
        self.found.append(FieldError(field_name, message))

    def raise_any(self) -> None:
        """Raise one problem with everything found, if anything was."""
        if self.found:
            raise Problem(INVALID, self.found[0].message, self.found)
