"""Where the system is: from the environment, or, in a checkout where `make run` runs, from what that wrote down."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

RUNNING = Path(os.environ.get("HESHENG_FOLDER", ".data")) / "running.json"
NEEDED = ("REGISTRATION_URL", "NOTIFICATIONS_URL", "REPORTING_URL", "OPERATOR_KEY")


class NotRunning(Exception):
    """Nothing says where the system is."""


@dataclass(frozen=True)
class Whereabouts:
    """The three services, the operator's key, and the page that lists the mails where there is one."""

    registration: str
    notifications: str
    reporting: str
    operator_key: str
    mails: str | None


def find() -> Whereabouts:
    """Raises `NotRunning` with what to do about it."""
    known = _written_down() | {name: os.environ[name] for name in (*NEEDED, "MAIL_URL") if os.environ.get(name)}
    missing = [name for name in NEEDED if name not in known]
    if missing:
        raise NotRunning(
            "没有找到运行中的系统，请先 make run，或设置 · No running system found, start `make run` or set: "
            + ", ".join(missing)
        )
    registration, notifications, reporting, operator_key = (known[name] for name in NEEDED)
    return Whereabouts(registration, notifications, reporting, operator_key, known.get("MAIL_URL"))


def _written_down() -> dict[str, str]:
    if not RUNNING.exists():
        return {}
    facts = json.loads(RUNNING.read_text())
    return {f"{service.upper()}_URL": url for service, url in facts["urls"].items()} | {
        "OPERATOR_KEY": Path(facts["operator_key_file"]).read_text().strip(),
        "MAIL_URL": facts["mails_url"],
    }
