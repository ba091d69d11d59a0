"""Which request is being served, for the audit entries written while it is."""

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrigin:
    request_id: UUID
    address: str | None


# Empty in commands: nobody's browser asked for what they do.
request_origin: ContextVar[RequestOrigin | None] = ContextVar("request_origin", default=None)
