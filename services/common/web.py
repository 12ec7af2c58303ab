"""The Flask app, made the same way for all three services.

    app = create_app(settings, keys, health, blueprints=[areas, sites, ...], subscriber=subscriber)

It gives every route a caller (`g.principal`), a request id, a rate limit, problem documents, a latency metric and a
place in `/openapi.json`; and adds `/healthz`, `/readyz`, `/metrics`, `/docs` and `/internal/…` for operators.
"""

import gc
import re
import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

from apiflask import APIBlueprint, APIFlask
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.middleware.proxy_fix import ProxyFix

from services.common.apply import Subscriber
from services.common.auth import Caller, Keys, Sessions, allow
from services.common.database import ACTING, Acting
from services.common.errors import MALFORMED, Problem, Words, problem_response, register_errors
from services.common.logs import configure_logs, get_logger
from services.common.pages import add_pages, problem_page, wants_page
from services.common.pages.addresses import Pages
from services.common.parked import release_parked
from services.common.rates import limit_rates
from services.common.settings import CommonSettings
from services.common.status import Health, StatusCollector

log = get_logger(__name__)

BODY_LIMIT = 1_000_000
MOST_QUERY_KEYS = 100
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNREMARKABLE = ("/healthz", "/readyz", "/metrics", "/internal/status", "/events", "/events/heads")
"""Asked for every few seconds by machines: not worth a log line."""
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
FRESH_SECONDS = 300
LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def create_app(
    settings: CommonSettings,
    keys: Keys,
    health: Health,
    blueprints: Sequence[APIBlueprint],
    subscriber: Subscriber | None = None,
    sessions: Sessions | None = None,
) -> APIFlask:
    """A service's HTTP application."""
    configure_logs(settings.service, "api", settings.log_level)
    app = APIFlask(
        "services.common.web",
        title=f"Hesheng {settings.service}",
        version="1",
        spec_path="/openapi.json",
        docs_path=None,
    )
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        OPENAPI_VERSION="3.1.0",
        VALIDATION_ERROR_STATUS_CODE=422,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.extensions["hesheng.keys"] = keys
    app.extensions["hesheng.sessions"] = sessions
    app.extensions["hesheng.pages"] = Pages(settings.service, settings.pages_of)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1, x_prefix=1)  # type: ignore[method-assign]
    app.wsgi_app = _with_chunked_bodies(app.wsgi_app)  # type: ignore[method-assign]
    register_errors(app, lambda problem: problem_page(problem) if wants_page() else problem_response(problem))
    add_pages(app)
    _around_every_request(app)
    limit_rates(app, settings.rate_limit)
    app.register_blueprint(_health_blueprint(health))
    app.register_blueprint(_operator_blueprint(health, subscriber))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.spec_processor(lambda spec: _describe(app, spec))
    _measure(app, health)
    return app


def _with_chunked_bodies(wsgi_app: Any) -> Any:
    """granian ends the body's stream itself, also where the caller gave no length; Werkzeug must be told so."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input_terminated"] = True
        return wsgi_app(environ, start_response)

    return wrapped


def _around_every_request(app: Flask) -> None:
    """Request id in and out, security headers."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        ACTING.set(Acting())
        clear_contextvars()
        bind_contextvars(request_id=g.request_id)
        if request.query_string.count(b"&") > MOST_QUERY_KEYS:
            raise Problem(MALFORMED, Words("查询参数过多。", "There are too many query parameters."))
        if b"%00" in request.query_string:  # no database takes it, and nobody means it
            raise Problem(MALFORMED, Words("地址中不能有空字符（NUL）。", "The address must not have a NUL character."))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response


def _measure(app: Flask, health: Health) -> None:
    """A log line and a latency for each request, by route, and the status at each scrape."""
    registry = CollectorRegistry()
    latency = Histogram(
        "hesheng_request_seconds",
        "time to answer",
        ["method", "route", "status"],
        buckets=LATENCY_BUCKETS,
        registry=registry,
    )
    registry.register(StatusCollector(health))

    @app.after_request
    def observe(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        seconds = time.perf_counter() - g.started
        latency.labels(request.method, route, response.status_code).observe(seconds)
        if request.path not in UNREMARKABLE:
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                ms=round(seconds * 1000, 1),
                caller=g.principal.name if "principal" in g else "unknown",
            )
        return response

    @app.get("/metrics")
    @app.doc(hide=True)  # type: ignore[attr-defined]
    @allow(Caller.ANYONE)
    def metrics() -> Response:
        """Prometheus metrics. The gateway does not pass this on."""
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


def _health_blueprint(health: Health) -> APIBlueprint:
    blueprint = APIBlueprint("health", __name__, tag="Health", template_folder="templates")

    @blueprint.get("/healthz")
    @allow(Caller.ANYONE)
    def healthz() -> dict[str, str]:
        """Whether the process answers at all."""
        return {"status": "ok"}

    @blueprint.get("/readyz")
    @allow(Caller.ANYONE)
    def readyz() -> tuple[Response, int]:
        """Whether the service can do its work: database and migrations."""
        problems = health.not_ready()
        return jsonify(status="not ready" if problems else "ready", problems=problems), 503 if problems else 200

    @blueprint.get("/docs")
    @blueprint.doc(hide=True)
    @allow(Caller.ANYONE)
    def docs() -> Response:
        """The API on one readable page, without scripts."""
        response = Response(page(), mimetype="text/html")
        response.headers["Content-Security-Policy"] = DOCS_POLICY
        return _kept_by_caches(response)

    @cache
    def page() -> str:
        # Half a second of work, which anybody may ask for; it is the same until the next release.
        return render_template("docs.html", spec=current_app.spec)  # type: ignore[attr-defined]

    return blueprint


def _kept_by_caches(response: Response) -> Response:
    """For what everybody may read and seldom changes: kept for a while, and then asked for only if it is another."""
    response.cache_control.public = True
    response.cache_control.max_age = FRESH_SECONDS
    response.add_etag()
    return cast(Response, response.make_conditional(request))


def _operator_blueprint(health: Health, subscriber: Subscriber | None) -> APIBlueprint:
    blueprint = APIBlueprint("internal", __name__, tag="Operators", url_prefix="/internal")

    @blueprint.get("/status")
    @allow(Caller.OPERATOR)
    def status() -> dict[str, Any]:
        """Queues, log, cursors, parked aggregates, the service's own figures."""
        return health.status().as_dict()

    if subscriber is None:
        return blueprint

    @blueprint.post("/parked/<aggregate>/release")
    @allow(Caller.OPERATOR)
    def release(aggregate: str) -> dict[str, int]:
        """Apply the parked events of an aggregate in order, after the cause was mended. All or nothing."""
        return {"released": release_parked(subscriber, aggregate)}

    @blueprint.post("/adopt-epoch")
    @allow(Caller.OPERATOR)
    def adopt_epoch() -> dict[str, str]:
        """Accept the producer's present epoch after a restore; see docs/operations.md before calling this."""
        subscriber.adopt_epoch()
        return {"status": "adopted"}

    return blueprint


def _describe(app: APIFlask, spec: Any) -> Any:
    """Say in the OpenAPI document who may call each route and what an error looks like."""
    components = spec.setdefault("components", {})
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for rule in app.url_map.iter_rules():
        path = spec.get("paths", {}).get(re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), {})
        callers: frozenset[str] = getattr(app.view_functions[rule.endpoint], "allowed_callers", frozenset())
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            operation = path.get(method.lower())
            if operation is None:
                continue
            operation["x-allowed-callers"] = sorted(callers)
            operation["security"] = [] if Caller.ANYONE in callers else [{"key": []}]
            operation.setdefault("parameters", []).extend(_headers_of(method, operation))
            operation.setdefault("responses", {})["default"] = {
                "description": "A problem document (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
    return spec


def _headers_of(method: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The request headers that a kind of operation takes."""
    if method == "POST" and "201" in operation.get("responses", {}):
        return [
            _header(
                "Idempotency-Key",
                "a fresh value per thing to be made, the same one when the request is sent again (kept for 7 days)",
                required=False,
            )
        ]
    if method == "PATCH":
        return [_header("If-Match", 'the ETag that was read, such as "3"; 412 when somebody was faster', required=True)]
    return []


def _header(name: str, description: str, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "stable: urn:hesheng:problem:<name>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def link_next(response: Response, cursor: object) -> None:
    """Say where a list goes on. Relative, so that it leads there behind a gateway with a prefix too."""
    arguments = urlencode({**request.args.to_dict(), "cursor": str(cursor)})
    response.headers["Link"] = f'<?{arguments}>; rel="next"'


def lasting(app: APIFlask) -> APIFlask:
    """Take all that was made up to now out of the garbage collector's rounds, for as long as the process lives.

    Each full round looked at 250,000 objects of modules, models and routes that never go, while every request waited:
    80 ms on an idle machine, 400 on a busy one. To be called once, when the app is complete.
    """
    gc.collect()
    gc.freeze()
    return app


def serve(factory: str, settings: CommonSettings) -> None:
    """Serve the app that a factory (`module:function`) makes, with granian, until told to stop.

    One process, many threads: sign-ups that arrive together are committed together, and metrics and rate limits need
    no sharing.
    """
    Granian(
        factory,
        factory=True,
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.api_threads,
        backlog=2048,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
    ).serve()
