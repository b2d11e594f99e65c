"""A vendor's codes as data: what each means and which fields of ours it states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_PRINTED: Final = re.compile(r"[A-Za-z0-9.:_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a product.

    Attributes:
        code: as the vendor writes it.
        means: what it says, for the page of the vendor.
        fields: what it states of an event, `type` first; none where it is known to be no token event.
    """

    code: str
    means: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skip:
    """A record without a token event. `code` names its kind in the vendor's words, for the count of skipped records."""

    code: str


def table(codes: Iterable[Code]) -> dict[str, Code]:
    """Give codes by their name. Raises ValueError where one is listed twice."""
    listed: dict[str, Code] = {}
    for code in codes:
        if code.code in listed:
            raise ValueError(f"code {code.code} is listed twice")
        listed[code.code] = code
    return listed


def skip(vendor: str, code: str | None, codes: Mapping[str, Any], counters: Counter[str]) -> Skip:
    """Skip a record by its code; a code that the vendor's table lacks is counted as `unknown-code:<vendor>:<code>`."""
    name = f"{vendor}:{code if code and _PRINTED.fullmatch(code) else 'unnamed'}"
    if code not in codes:
        counters[f"unknown-code:{name}"] += 1
    return Skip(name)
