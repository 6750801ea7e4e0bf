"""Which e-mail addresses a letter can go to."""

import re
from typing import Final

from visavis.model.errors import Invalid

ADDRESS_LIMIT: Final = 254
PLAIN: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE
)
"""Letters, digits and the usual signs: what mail servers everywhere take. A quoted or accented name is refused."""


def checked(address: object) -> str:
    """The address, when it is one plain address without name or line break; else :class:`Invalid`.

    >>> checked("camille@example.org")
    'camille@example.org'
    """
    if isinstance(address, str) and len(address) <= ADDRESS_LIMIT and PLAIN.fullmatch(address):
        return address
    raise Invalid("This is not an e-mail address.", advice="Write one such as name@example.org.")
