"""What the figures were measured on: machine, versions, date, commit. No host name and no path."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.place import FOLDER
from deploy.local import binaries
from deploy.local.guard import CHECKOUT

PACKAGES = ("apiflask", "celery", "flask", "granian", "kombu", "psycopg", "pydantic", "redis", "sqlalchemy", "werkzeug")


def facts() -> dict[str, Any]:
    """As JSON-ready values."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "load_before": round(os.getloadavg()[0], 2),
            "fsync_ms": round(_fsync_ms(), 2),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {
            "python": platform.python_version(),
            "postgres": _said_by(binaries.postgres_folder(binaries.account())[0] / "postgres"),
            "queue": _said_by(binaries.valkey_program()),
        }
        | {name: version(name) for name in PACKAGES},
    }


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "services", "deploy", "bench", ":!bench/latest.json")
    return (git("rev-parse", "HEAD") or "unknown") + (" with changes" if changed else "")


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _fsync_ms(times: int = 50) -> float:
    """What one commit costs the disk: 8 KB written and synced where the databases will lie."""
    file = FOLDER / f"hesheng-fsync-{os.getpid()}"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        begun = time.perf_counter()
        for _ in range(times):
            os.write(handle, bytes(8192))
            os.fsync(handle)
        return (time.perf_counter() - begun) / times * 1000
    finally:
        os.close(handle)
        file.unlink()


def _said_by(program: Path) -> str:
    done = subprocess.run([program, "--version"], cwd="/", capture_output=True, text=True, check=False)
    return done.stdout.strip()
