"""`python -m deploy.local.hesheng status`: the operator's command against the system that `make run` started."""

import json
import os
import sys
from pathlib import Path

import psutil

from deploy.local.guard import CHECKOUT


def point_at_running_system(data: Path) -> None:
    """Put the addresses and the operator's key of a running system into the environment."""
    noted = data / "running.json"
    running = json.loads(noted.read_text()) if noted.exists() else {}
    if not running or not psutil.pid_exists(running["pid"]):
        sys.exit("系统没有运行，请先 `make run`。 Nothing runs here: start it with `make run` first.")
    os.environ["OPERATOR_KEY"] = Path(running["operator_key_file"]).read_text().strip()
    for service, url in running["urls"].items():
        os.environ[f"{service.upper()}_URL"] = url


if __name__ == "__main__":
    point_at_running_system(CHECKOUT / ".data")
    from services.common.cli import main

    main()
