"""Turns what people log and configure into plain numbers and JSON."""

import json
from typing import Any


def as_number(value: Any) -> float:
    """Return a float."""
    if isinstance(value, bool | int | float):
        return float(value)
    if hasattr(value, "item"):
        return float(value.item())
    raise TypeError(f"Expected a number; got {type(value).__name__}.")


def flatten(config: Any, sep: str = ".") -> dict[str, Any]:
    """Return a flat dict."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update({f"{key}{sep}{k}": v for k, v in flatten(value, sep).items()})
        else:
            flat[str(key)] = value
    return flat


def to_json(value: Any) -> str:
    """Return JSON text."""
    return json.dumps(value, default=str)
