"""Starts the real process module on top of a break."""

import runpy
import sys


def run_real() -> None:
    """Run the module named by the first argument as if it had been started itself."""
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__")
