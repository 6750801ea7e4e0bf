"""The command line, run as a reader of the README runs it."""

import subprocess
import sys

from support.people import ROOT


def visavis(*arguments: str) -> str:
    """What this command prints; it must end well."""
    ran = subprocess.run(
        [sys.executable, "-m", "visavis", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
