"""The JSON Schemas of the contracts, as published in `schemas/json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from schemas.alerts import Alert
from schemas.events import TokenEvent
from schemas.triage import AlertState

FILES: Final[dict[str, type[BaseModel]]] = {
    "token-event.v1.json": TokenEvent,
    "token-alert.v1.json": Alert,
    "token-alert-state.v1.json": AlertState,
}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """Give file name → JSON Schema."""
    return {
        name: {"$schema": _DIALECT, "$id": f"urn:tokentrail:{name.removesuffix('.json')}", **model.model_json_schema()}
        for name, model in FILES.items()
    }


def write(folder: Path) -> list[Path]:
    """Write all schemas into a folder and give the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, document in documents().items():
        path = folder / name
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        paths.append(path)
    return paths
