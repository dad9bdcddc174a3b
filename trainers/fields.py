"""How a setting is declared, once: limits, unit, help, search range. Forms, CLI and searches read it.

A configuration class lists its settings with :func:`number` and :func:`option`;
:func:`field_cards` turns the class into a flat list of :class:`FieldCard`, one per setting.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, PydanticUndefined

FieldType = Literal[
    "int", "float", "bool", "str", "choice", "int list", "float list", "str list", "section"
]


def number(
    default: float | Sequence[float] | None,
    *,
    ge: float,
    le: float,
    text: str,
    unit: str | None = None,
    tunable: Sequence[Any] | None = None,
    log: bool = False,
) -> Any:
    """Declare a setting that is a number, or a list of numbers, within limits.

    Parameters
    ----------
    default
        The value when the spec is silent; the annotation says int, float or ``tuple[int, ...]``.
    ge, le
        Both limits are allowed values. For a list they hold for every item.
    text
        What the setting does, one line.
    tunable
        ``(low, high)`` of a search; for a list, the lists to try. None: not worth searching.
    log
        Whether sliders and searches use a logarithmic scale.
    """
    extra: dict[str, Any] = {"ge": ge, "le": le, "unit": unit, "log": log}
    if tunable is not None:
        extra["tunable"] = list(tunable)
    if isinstance(default, Sequence):
        return Field(tuple(default), description=text, json_schema_extra=extra)
    return Field(default, ge=ge, le=le, description=text, json_schema_extra=extra)


def option(
    default: Any = ...,
    *,
    text: str,
    tunable: Sequence[Any] | None = None,
    pattern: str | None = None,
    max_length: int | None = None,
) -> Any:
    """Declare a setting that is a choice (a Literal), a switch or a text.

    Parameters
    ----------
    default
        Leave it out for a setting that every spec has to give.
    tunable
        The values a search tries.
    """
    extra: dict[str, Any] = {} if tunable is None else {"tunable": list(tunable)}
    return Field(
        default, description=text, pattern=pattern, max_length=max_length, json_schema_extra=extra
    )


class Config(BaseModel):
    """The base of every configuration: frozen, no unknown keys, no NaN, no yes/no taken for 1/0."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields.get(info.field_name or "")
        if field is None or not isinstance(value, bool):
            return value
        if _field_type(field.annotation)[0] in {"int", "float"}:
            raise PydanticCustomError("bool_for_number", "a yes/no is not a number")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCard:
    """One setting, described for whoever has to show, check or search it."""

    REQUIRED: ClassVar[Any] = PydanticUndefined

    name: str
    """Dotted: ``model.hidden``."""
    type: FieldType
    default: Any
    """``FieldCard.REQUIRED`` where the spec has to give a value."""
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    ge: float | None = None
    le: float | None = None
    unit: str | None = None
    help: str = ""
    tunable: tuple[Any, ...] | None = None
    """``(low, high)`` for a number, else the values to try; None: not searched."""
    log: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a spec must give this setting."""
        return self.default is PydanticUndefined

    @property
    def expectation(self) -> str:
        """What a valid value looks like: "a whole number in [1, 512]"."""
        limits = "" if self.ge is None else f" in [{self.ge}, {self.le}]"
        words = {
            "int": f"a whole number{limits}",
            "float": f"a number{limits}",
            "bool": "true or false",
            "str": "a text",
            "choice": f"one of {', '.join(map(str, self.choices))}",
            "int list": f"a list of whole numbers{limits}",
            "float list": f"a list of numbers{limits}",
            "str list": "a list of texts",
            "section": "a section of settings",
        }
        return words[self.type] + (" or null" if self.nullable else "")

    @property
    def item_expectation(self) -> str:
        """What a valid item of a list looks like: "a whole number in [1, 1024]"."""
        singular = {
            "a list of whole numbers": "a whole number",
            "a list of numbers": "a number",
            "a list of texts": "a text",
        }
        for many, one in singular.items():
            if self.expectation.startswith(many):
                return self.expectation.replace(many, one)
        return self.expectation


def field_cards(config: type[BaseModel], prefix: str = "") -> tuple[FieldCard, ...]:
    """Describe the settings of a configuration class, in the order of their declaration.

    Parameters
    ----------
    prefix
        Put before each name: ``"model."``.
    """
    return tuple(_card(prefix + name, field) for name, field in config.model_fields.items())


def _card(name: str, field: FieldInfo) -> FieldCard:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kind, choices, nullable = _field_type(field.annotation)
    tunable: Any = extra.get("tunable")
    limits: dict[str, Any] = {key: extra.get(key) for key in ("ge", "le", "unit")}
    return FieldCard(
        name=name,
        type=kind,
        default=field.default,
        nullable=nullable,
        choices=choices,
        help=field.description or "",
        tunable=None if tunable is None else tuple(tunable),
        log=bool(extra.get("log", False)),
        **limits,
    )


def _field_type(annotation: Any) -> tuple[FieldType, tuple[Any, ...], bool]:
    """Return the type's word, its choices, and whether null is a value."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if NoneType in arguments:
        rest = next(argument for argument in arguments if argument is not NoneType)
        return (*_field_type(rest)[:2], True)
    if origin is Literal:
        return "choice", arguments, False
    if origin is tuple:
        inner = _field_type(_bare(arguments[0]))[0]
        lists: dict[FieldType, FieldType] = {"int": "int list", "float": "float list"}
        return lists.get(inner, "str list"), (), False
    plain: dict[Any, FieldType] = {bool: "bool", int: "int", float: "float", str: "str"}
    return plain.get(annotation, "section"), (), False


def _bare(annotation: Any) -> Any:
    """Strip ``Annotated``."""
    return typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
