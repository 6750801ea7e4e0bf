"""Ports for programs that want to open one themselves."""

from visavis.listen import bound_at


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with bound_at("127.0.0.1", 0) as bound:
        return int(bound.getsockname()[1])
