"""Tokens at the resource servers that take them: what the detectors of policy look at."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.acts import accepted
from detectors.findings import Array
from detectors.texts import coded, word_keys
from schemas.catalogue import EntityField
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Operation, Outcome, code

CLIENT: Final = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
OTHERS: Final = (
    EntityField(EntityType.USER, "principal", EntityRole.VICTIM),
    EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.TARGET),
)


def valid(events: Events) -> Array:
    """Tell of each event whether its token was good, bool (n,): a denial is about what the token may do."""
    denied = (events["type"] == code(EventType.KEY_USE)) & (events["outcome"] == code(Outcome.DENIED))
    found: Array = accepted(events) | denied
    return found


def presented(events: Events) -> Array:
    """Tell of each event whether it is about a token that was shown to somebody who checks it, bool (n,)."""
    operation = events["operation"]
    used = (operation == code(Operation.VERIFY)) | (operation == code(Operation.AUTHENTICATE)) | (operation < 0)
    used &= events["type"] == code(EventType.KEY_USE)
    found: Array = used | (events["type"] == code(EventType.VERIFY_FAILURE))
    return found


def at_server(events: Events, findings: Array) -> Array:
    """Make findings about clients be about each client at each resource server: an episode for each pair."""
    servers = coded(events, findings["row"], "resource_server")
    words = np.zeros(len(events), np.uint64)
    if len(servers.rows):
        words[servers.rows] = word_keys(servers.values)[servers.codes]
    findings["entity"] = np.maximum(findings["entity"] ^ words[findings["row"]], np.uint64(1))
    return findings
