"""The exceptions that this package raises on purpose.

::

    VisavisError            every error that we raise on purpose; carries ``advice``
    ├── Invalid             what was given cannot be understood (a moment, a strategy, a file)
    ├── Refused             understood, and not allowed (no consent, a cap, a revoked key)
    └── Unavailable         allowed, and not possible now (a full disk, a closed log)

The core returns refusals as values; only the shell raises. A message says what was given, what was expected, and what
to do; it never repeats personal data.
"""


class VisavisError(Exception):
    """The root; ``advice`` tells the reader what to do next."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice

    def __str__(self) -> str:
        """The message, then the advice when there is one."""
        message = super().__str__()
        return f"{message} {self.advice}" if self.advice else message


class Invalid(VisavisError):
    """What was given cannot be understood."""


class Refused(VisavisError):
    """Understood, and not allowed."""


class Unavailable(VisavisError):
    """Allowed, and not possible now."""
