"""Read what to train from a YAML file or a preset, with overrides, into a checked spec.

YAML is taken as people mean it: ``1e-3`` is a number, a key may appear once, and anchors are
refused, because a small file could unfold into a huge one.
"""

import difflib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from experiments.errors import SpecFileError
from store.layout import Home

if TYPE_CHECKING:
    from trainers.spec import RunSpec

PRESETS = Path(__file__).parent / "presets"
MAX_BYTES = 64 * 1024
_LINE_BREAKS = frozenset("\x85\u2028\u2029")
"""Characters that YAML folds like a line's end, unless they are written as escapes."""
RUN_PREFIX = "run:"


class _SpecLoader(yaml.SafeLoader):
    """PyYAML's safe loader without its surprises."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="an alias (*name)", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                mark = key_node.start_mark
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} twice", problem_mark=mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _SpecDumper(yaml.SafeDumper):
    """Quotes every text that `_SpecLoader` would take for a number."""


# YAML 1.1 takes "1e-3" for a text; everybody means the number.
for _yaml in (_SpecLoader, _SpecDumper):
    _yaml.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )


def to_yaml(mapping: dict[str, Any]) -> str:
    """Return the YAML text that `read_mapping` reads back as `mapping`."""
    text = yaml.dump(mapping, Dumper=_SpecDumper, sort_keys=False, allow_unicode=True)
    if _LINE_BREAKS.isdisjoint(text):
        return text
    return yaml.dump(mapping, Dumper=_SpecDumper, sort_keys=False)


def preset_names() -> list[str]:
    """Return the names of the presets that Bakeoff brings, in alphabetical order."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def own_presets(home: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the presets that people saved in a store."""
    return Home.locate(home).path / "presets"


def own_preset_names(home: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the names of the presets that people saved in a store, in alphabetical order."""
    return sorted(path.stem for path in own_presets(home).glob("*.yaml"))


def read_spec(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    home: str | os.PathLike[str] | None = None,
) -> "RunSpec":
    """Read a spec file or a preset, apply overrides and check the result.

    Parameters
    ----------
    source
        Path of a YAML file, the name of a preset, or ``run:ID`` for what a run recorded.
    overrides
        ``key=value`` with dotted keys, such as ``model.lr=1e-3``; values are YAML.
    home
        The store whose own presets count too.

    Raises
    ------
    SpecFileError
        If the file or an override cannot be read.
    trainers.spec.SpecError
        If the spec holds unknown keys or values out of range.
    """
    from trainers.spec import load_spec

    text = str(source)
    if text.startswith(RUN_PREFIX):
        mapping = read_recorded(text.removeprefix(RUN_PREFIX), home)
    else:
        mapping = read_mapping(find_spec(source, home))
    for override in overrides:
        apply_override(mapping, override)
    return load_spec(mapping)


def read_recorded(run_id: str, home: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Return the configuration that a run recorded, to start another one from.

    Its notes say what that run was meant to show, so they stay behind; so does its group, which
    ties together runs of one recipe.

    Raises
    ------
    SpecFileError
        If there is no such run, or it recorded no configuration.
    store.RunNotFoundError
        If the id could lead out of the store.
    """
    header = Home.locate(home).run(run_id).header
    try:
        config = json.loads(header.read_text(encoding="utf-8")).get("config")
    except (OSError, ValueError):
        raise SpecFileError(
            f"Expected the id of a run after run:; got {run_id!r}. Take it from `bakeoff ls`."
        ) from None
    if not isinstance(config, dict) or not config:
        raise SpecFileError(
            f"Expected a run that recorded its configuration; got {run_id!r}. Start from a preset."
        )
    return {key: value for key, value in config.items() if key not in {"group", "notes"}}


def find_spec(source: str | Path, home: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a spec file or preset; a file comes first, then a store's own presets.

    Raises
    ------
    SpecFileError
        If there is neither.
    """
    path = Path(source)
    if path.is_file():
        return path
    if path.is_dir():
        raise SpecFileError(f"Expected a YAML file; got the folder {str(path)!r}. Name a file.")
    if path.suffix in {".yaml", ".yml"} or len(path.parts) != 1:
        raise SpecFileError(
            f"Expected a spec file; got {str(path)!r}, which does not exist. Check the path."
        )
    own = own_preset_names(home)
    if str(source) in own:
        return own_presets(home) / f"{source}.yaml"
    if str(source) in preset_names():
        return PRESETS / f"{source}.yaml"
    names = sorted({*own, *preset_names()})
    near = difflib.get_close_matches(str(source), names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Presets: {', '.join(names)}."
    raise SpecFileError(f"Expected a spec file or a preset; got {str(source)!r}. {hint}")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the one mapping that a YAML file holds.

    Raises
    ------
    SpecFileError
        If the file is unreadable, too large, empty, not YAML or not one mapping.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise SpecFileError(
            f"Expected a readable spec file; got {str(path)!r}: {reason}."
        ) from None
    except UnicodeDecodeError:
        raise SpecFileError(
            f"Expected a text file in UTF-8; got {str(path)!r}. Save it as UTF-8."
        ) from None
    if len(raw) > MAX_BYTES:
        raise SpecFileError(
            f"Expected a spec of at most {MAX_BYTES // 1024} KiB; got {str(path)!r}, which is "
            "larger. Is it the right file?"
        )
    if not text.strip():
        raise SpecFileError(
            f"Expected a spec in {str(path)!r}; got an empty file. "
            f"Start from a preset, such as {PRESETS / 'cnn_mnist.yaml'}."
        )
    value = _parse(text, str(path))
    if not isinstance(value, dict):
        raise SpecFileError(
            f"Expected one mapping (key: value) in {str(path)!r}; got {_kind(value)}. "
            "Write each setting as `key: value`."
        )
    return value


def apply_override(mapping: dict[str, Any], override: str) -> None:
    """Set one dotted key of a nested mapping, in place.

    Raises
    ------
    SpecFileError
        If the override is not ``key=value`` or its key leads through a plain value.
    """
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise SpecFileError(
            f"Expected key=value after --set; got {override!r}. Write, for example, model.lr=1e-3."
        )
    for position, key in enumerate(keys[:-1], start=1):
        mapping = mapping.setdefault(key, {})
        if not isinstance(mapping, dict):
            raise SpecFileError(
                f"Expected a key after --set; got {dotted!r}, but "
                f"{'.'.join(keys[:position])!r} is a value. Use its own name."
            )
    mapping[keys[-1]] = _parse(text, f"--set {dotted}") if text.strip() else None


def _parse(text: str, origin: str) -> Any:
    try:
        loader = _SpecLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except RecursionError:
        raise SpecFileError(f"Expected a flat spec in {origin!r}; got too many levels.") from None
    except yaml.YAMLError as error:
        raise SpecFileError(_explain(error, text, origin)) from None
    except ValueError as error:  # such as the date 2024-13-99, which only looks like one
        raise SpecFileError(
            f"Expected plain values in {origin!r}; got {error}. Quote it."
        ) from None


def _explain(error: yaml.YAMLError, text: str, origin: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    where = f" in line {mark.line + 1}" if mark else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return f"Expected spaces in {origin!r}; got a tab{where}. Indent with two spaces."
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"Expected YAML in {origin!r}; got {problem}{where}. Correct that line."


def _kind(value: object) -> str:
    if value is None:
        return "only comments"
    return "a list" if isinstance(value, list) else f"the value {value!r:.60}"
