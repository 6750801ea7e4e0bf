"""The command line, run as a reader of the README runs it, or in this process, which is quicker."""

import subprocess
import sys

from typer.testing import CliRunner

from support.people import ROOT
from visavis.cli import app


def printed(*arguments: str) -> str:
    """What this command prints, run in this process; it must end well."""
    ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def visavis(*arguments: str) -> str:
    """What this command prints, run in a process of its own; it must end well."""
    ran = subprocess.run(
        [sys.executable, "-m", "visavis", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
