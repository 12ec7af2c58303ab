"""Bound (a): empty Flask routes that take the same bodies, on the same server with the same settings.

    with empty_route(system) as url:
        run_load(Load(url, ...))

It is plain Flask without anything of ours: what remains of a sign-up or a page when it does nothing.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, request

from bench.place import wait_for
from deploy.local.guard import CHECKOUT
from deploy.local.ports import free_port
from deploy.local.system import System
from services.common.settings import CommonSettings
from services.common.web import serve

ANSWER = b'{"id":"00000000-0000-0000-0000-000000000000","status":"confirmed","waitlist_position":null,"version":1}'


def application() -> Flask:
    """The route."""
    app = Flask(__name__)

    @app.post("/v1/shifts/<uuid:shift_id>/registrations")
    def sign_up(shift_id: str) -> Response:
        request.get_json()
        return Response(ANSWER, 201, mimetype="application/json")

    @app.route("/<path:page>", methods=["GET", "POST"])
    def read(page: str) -> Response:
        request.get_data()
        return Response(ANSWER, mimetype="application/json")

    return app


@contextmanager
def empty_route(system: System) -> Iterator[str]:
    """Serve it with the settings of the registration api; gives its address."""
    port = free_port()
    environment = system.environment("registration-api") | {"API_PORT": str(port)}
    child = subprocess.Popen([sys.executable, "-m", "bench.empty_route"], cwd=CHECKOUT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url)
        yield url
    finally:
        child.terminate()
        child.wait(15)


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    serve("bench.empty_route:application", CommonSettings(service="registration"))
