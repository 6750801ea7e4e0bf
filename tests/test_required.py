"""Where CI is set, a missing tool is a failure."""

import pytest

from support.people import ROOT
from support.required import require, require_peer


def test_what_is_missing_fails_with_ci_and_skips_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        require(present=False, otherwise="no browser")
    with pytest.raises(pytest.skip.Exception, match="no simulator"):
        require_peer(present=False, otherwise="no simulator")

    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        require(present=False, otherwise="no browser")


def test_every_skip_goes_this_way() -> None:
    """A skip of its own would pass unseen in continuous integration."""
    allowed = {"required.py", "test_required.py"}
    skipping = [
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if path.name not in allowed and any(word in path.read_text() for word in ("pytest.skip(", "importorskip("))
    ]

    assert not skipping
