"""One row of the table of doors, as ``openapi`` tells it."""

import re
from typing import Any, Final

from msgspec import Struct

from visavis.http.problems import TYPE
from visavis.model.moment import Role

OWN: Final[tuple[Role, ...]] = ("brand", "device")
"""The brand, for anyone, and a person's own device, for that person."""


class Operation(Struct, frozen=True):
    """One row: who may (``roles``; nobody named, everyone), what is read and told, and each no by its status.

    ``takes`` and ``tells`` are types, sent as JSON, or media types; ``leads`` names what one may ask next, and with
    what; with ``many``, an array of what is taken is answered by an array, a problem in place of each that was refused.

    A door that speaks the ``protocol`` of others takes what that one says, and refuses with its statuses and in its
    ``form``, a media type.
    """

    method: str
    path: str
    does: str
    roles: tuple[Role, ...] = ()
    cookie: str = ""
    takes: Any = None
    tells: Any = None
    status: int = 200
    noes: tuple[int, ...] = ()
    asks: tuple[str, ...] = ()
    leads: tuple[tuple[str, dict[str, str]], ...] = ()
    many: bool = False
    protocol: str = ""
    form: str = TYPE.decode()

    @property
    def name(self) -> str:
        """The operation's name in the document."""
        words = re.findall("[a-z0-9]+", self.path.lower())
        return "-".join([self.method.lower(), *words])

    @property
    def refusals(self) -> list[int]:
        """Every no of this door."""
        own = (
            ((401, 403) if self.roles else ())
            + ((404,) if "{" in self.path else ())
            + ((422,) if self.takes is not None and not self.protocol else ())
        )
        return sorted({*own, *self.noes})
