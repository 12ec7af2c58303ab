"""`python -m tests.faults --seconds 60 --seed 7`: exit status 0 when the books are clean."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.run import Plan, free_folder, progress, run
from tests.faults.sabotage import BREAKS
from tests.faults.summary import complaints, last_line, table


def main() -> int:
    """Run, print, and keep the folder when something was wrong."""
    parser = argparse.ArgumentParser(description="Load the system while killing its parts, then do the books.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults are injected")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same faults")
    parser.add_argument("--sabotage", choices=sorted(BREAKS), default="", help="run a deliberately broken build")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="hesheng-faults-"))
    clean = False
    try:
        verdict = run(Plan(given.seconds, given.seed, given.sabotage), folder, progress)
        clean = verdict.ok
        print(table(verdict))
        if not clean:
            print(complaints(verdict))
            print(f"  logs and databases are kept in {folder}")
        print(last_line(verdict))
        return 0 if clean else 1
    except KeyboardInterrupt:
        clean = True
        return 130
    except SystemExit:
        clean = True
        raise
    finally:
        if clean:
            free_folder(folder)


if __name__ == "__main__":
    sys.exit(main())
