from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import SpecFileError
from experiments.specs import (
    MAX_BYTES,
    apply_override,
    preset_names,
    read_mapping,
    read_spec,
    to_yaml,
)

SMALL = """
project: tries
name: small
data: {kind: digits}
model: {kind: cnn, channels: [4]}
training: {epochs: 1, lr: 1e-3}
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_a_spec_file_becomes_a_spec(spec_file: Path) -> None:
    spec = read_spec(spec_file)

    assert (spec.project, spec.data.kind, spec.model.kind) == ("tries", "digits", "cnn")
    assert spec.training.lr == 0.001


def test_overrides_win_in_their_order(spec_file: Path) -> None:
    spec = read_spec(spec_file, ["training.lr=1e-2", "training.lr=5e-3", "tags=[a, b]", "seed=7"])

    assert (spec.training.lr, spec.tags, spec.seed) == (0.005, ("a", "b"), 7)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_spec(name: str) -> None:
    assert read_spec(name).name == name


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "got an empty file"),
        (b"  \n\n", "got an empty file"),
        (b"# nothing yet\n", "got only comments"),
        (b"- a\n- b\n", "got a list"),
        (b"just words", "got the value 'just words'"),
        (b"data:\n\tkind: digits\n", "got a tab in line 2"),
        (b"data: [1, 2\nmodel: 3\n", "Expected YAML"),
        (b"seed: 1\nseed: 2\n", "the key 'seed' twice in line 2"),
        (b"a: &x [1]\nb: *x\n", "an alias (*name) in line 2"),
        (b"a: !!python/object/apply:os.system [ls]\n", "Expected YAML"),
        (b"a: 1\n---\nb: 2\n", "Expected YAML"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: 2024-13-99\n", "Quote it"),
        (b"[" * 20_000, "too many levels"),
        (b"#" * (MAX_BYTES + 1), "at most 64 KiB"),
    ],
)
def test_a_file_that_is_no_spec_gets_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)

    with pytest.raises(SpecFileError) as caught:
        read_mapping(path)

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere/spec.yaml", "got 'nowhere/spec.yaml', which does not exist"),
        ("cnn_mnits", "Did you mean 'cnn_mnist'?"),
        ("zzz", "Presets: cnn_classic_fashion, cnn_classic_mnist, cnn_mnist"),
        ("..", "got the folder"),
    ],
)
def test_a_name_that_is_no_spec_gets_a_hint(source: str, sentence: str) -> None:
    with pytest.raises(SpecFileError, match="Expected") as caught:
        read_spec(source)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("override", ["lr", "=1", "training..lr=1", "", "data.kind.x=1"])
def test_an_override_that_makes_no_sense_is_refused(override: str) -> None:
    with pytest.raises(SpecFileError, match="after --set"):
        apply_override({"data": {"kind": "digits"}}, override)


def test_an_override_may_hold_an_equals_sign() -> None:
    mapping = {}
    apply_override(mapping, "notes=a=b")

    assert mapping == {"notes": "a=b"}


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4))
def test_plain_values_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, mapping: dict
) -> None:
    path = tmp_path_factory.mktemp("specs") / "spec.yaml"
    path.write_text(to_yaml(mapping), encoding="utf-8")

    assert read_mapping(path) == mapping
