import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from experiments.errors import UsageError
from experiments.releasing import bundle
from experiments.releasing.bulk_inputs import items
from experiments.releasing.bundle import BundleError
from experiments.releasing.bundle_models import open_model
from experiments.releasing.model_inputs import InputError
from experiments.releasing.preprocessing import make_preprocessing

TEXT = {
    "modality": "text",
    "tokens": "characters",
    "max_length": 6,
    "padding": 0,
    "unknown": 1,
    "first": 2,
}
IMAGE = {"modality": "image", "channels": 1, "height": 2, "width": 2}
COLOUR = {"modality": "image", "channels": 3, "height": 2, "width": 2}
TABLE = {"modality": "table", "names": ["age", "job"], "categories": {"job": ["cook", "smith"]}}
SEQUENCE = {"modality": "sequence", "max_length": 3, "names": ["x", "y"]}
RATINGS = {"modality": "ratings", "num_users": 3, "num_items": 5}
TEXTS = make_preprocessing(TEXT, ["a"])


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    made.mkdir()
    for name in bundle.required(()):
        (made / name).write_text(f'"{name}"', encoding="utf-8")
    return made


def changed_zip(path, target, change):
    """Copy a zip, with `change(name, content)` in the place of each file."""
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            for new_name, content in change(name, before.read(name)):
                after.writestr(new_name, content)
    return target


def test_a_bundle_reads_as_it_was_packed_and_is_the_same_every_time(folder, tmp_path):
    sha256 = bundle.pack(folder, tmp_path / "a.zip")

    assert bundle.pack(folder, tmp_path / "b.zip") == sha256
    found = bundle.read(tmp_path / "a.zip", sha256=sha256)
    assert found.json("labels.json") == "labels.json"
    sums = found.files["SHA256SUMS"].decode()
    assert all(name in sums for name in bundle.required(()))


def test_an_ensemble_needs_every_file_of_each_of_its_members():
    names = [f"member-{n}.{name}" for n in (1, 2) for name in bundle.required(())]
    files = {name: name.encode() for name in [*names, "config.json"]}

    wanted = bundle.required(files)

    assert {*names, "config.json", "labels.json", "preprocessing.json"} == set(wanted)
    assert "weights.safetensors" not in wanted
    first, second = bundle.members_of(files)
    assert first["model.onnx"] == b"member-1.model.onnx"
    assert set(second) == set(bundle.required(()))
    assert bundle.members_of({"model.onnx": b""}) == ()


def test_a_bundle_that_lacks_a_file_is_not_made(folder, tmp_path):
    (folder / "model.onnx").unlink()

    with pytest.raises(BundleError, match=r"model\.onnx"):
        bundle.pack(folder, tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, content: [(name, content + b" ")] if name == "model.onnx" else [(name, content)], "was changed"),
        (lambda name, content: [] if name == "weights.safetensors" else [(name, content)], "not there"),
        (lambda name, content: [(name, content), *([("extra.json", b"1")] if name == "SHA256SUMS" else [])], "was changed"),
        (lambda name, content: [(name, content), *([("../evil", b"1")] if name == "SHA256SUMS" else [])], "plain file names"),
        (lambda name, content: [(f"/abs/{name}", content)], "plain file names"),
        (lambda name, content: [] if name == "SHA256SUMS" else [(name, content)], "was changed"),
    ],
    ids=("changed", "missing", "added", "path", "absolute", "unlisted"),
)  # fmt: skip
def test_a_changed_bundle_is_refused_in_words(folder, tmp_path, change, words):
    bundle.pack(folder, tmp_path / "a.zip")
    path = changed_zip(tmp_path / "a.zip", tmp_path / "b.zip", change)

    with pytest.raises(BundleError, match=words):
        bundle.read(path)


def test_a_damaged_or_missing_or_other_bundle_is_refused_in_words(folder, tmp_path):
    path = tmp_path / "a.zip"
    bundle.pack(folder, path)
    with pytest.raises(BundleError, match="was changed"):
        bundle.read(path, sha256="0" * 64)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BundleError, match="damaged"):
        bundle.read(path)
    with pytest.raises(BundleError, match="No such file"):
        bundle.read(tmp_path / "none.zip")


def test_files_that_are_no_model_are_refused_in_words(folder, tmp_path):
    bundle.pack(folder, tmp_path / "a.zip")

    with pytest.raises(BundleError, match="files of a model"):
        open_model(bundle.read(tmp_path / "a.zip").files)


def test_texts_become_padded_numbers():
    prepare = make_preprocessing(TEXT, ["a", "b"])

    found = prepare(["ab  a", " zb ", "aaaaaaaaaa"])

    assert found.dtype == np.int32
    assert found.tolist() == [[2, 3, 1, 2, 0, 0], [1, 3, 0, 0, 0, 0], [2] * 6]


def test_words_are_cut_as_the_training_cuts_them():
    prepare = make_preprocessing({**TEXT, "tokens": "words"}, ["good", "!"])

    assert prepare(["Good, good!"]).tolist() == [[2, 1, 2, 3, 0, 0]]


@pytest.mark.parametrize("item", [3, None, "  ", ["a"]])
def test_what_is_no_text_is_named(item):
    with pytest.raises(InputError, match="input 1"):
        make_preprocessing(TEXT, ["a"])(["fine", item])


def as_png(pixels, mode="L"):
    file = io.BytesIO()
    Image.fromarray(np.array(pixels, dtype=np.uint8), mode).save(file, "PNG")
    return file.getvalue()


def test_an_image_may_be_pixels_bytes_or_base64():
    prepare = make_preprocessing(IMAGE, None)
    pixels = [[0, 255], [10, 20]]
    png = as_png(pixels)
    text = base64.b64encode(png).decode()

    given = [
        pixels,
        [pixels],
        [0, 255, 10, 20],
        png,
        text,
        {"base64": text},
        f"data:image/png;base64,{text}",
    ]
    found = prepare(given)

    assert found.shape == (7, 1, 2, 2)
    assert found.dtype == np.uint8
    assert all(one.tolist() == [pixels] for one in found)


def test_a_colour_image_becomes_what_the_model_reads():
    png = as_png(np.full((8, 8, 3), 200), "RGB")

    assert make_preprocessing(COLOUR, None)([png]).shape == (1, 3, 2, 2)
    assert make_preprocessing(IMAGE, None)([png]).tolist() == [[[[200, 200], [200, 200]]]]


@pytest.mark.parametrize(
    "item",
    [
        [[0, 256], [0, 0]],
        [[0, -1], [0, 0]],
        [[0, float("nan")], [0, 0]],
        [[1, 2, 3]],
        [[1], [2, 3]],
        [["a", "b"], ["c", "d"]],
        "not base64!",
        base64.b64encode(b"no image").decode(),
        b"GIF89a" + bytes(20),
        {},
        None,
    ],
)
def test_what_is_no_image_is_named(item):
    with pytest.raises(InputError, match="input 0"):
        make_preprocessing(IMAGE, None)([item])


def test_rows_of_a_table_may_lack_values_and_hold_new_words():
    prepare = make_preprocessing(TABLE, None)

    found = prepare([{"age": "31", "job": "smith", "id": 3}, [None, "pilot"]])

    np.testing.assert_array_equal(found, np.array([[31, 1], [np.nan, np.nan]], np.float32))
    with pytest.raises(InputError, match="without job"):
        prepare([{"age": 3}])
    with pytest.raises(InputError, match="number for age"):
        prepare([{"age": "old", "job": "cook"}])


def test_sequences_are_filled_up_with_nothing():
    prepare = make_preprocessing(SEQUENCE, None)

    found = prepare([[[1, 2], {"x": 3, "y": None}]])

    np.testing.assert_array_equal(found[0], np.array([[1, 2], [3, np.nan], [np.nan, np.nan]]))
    for item in ([], [[1]], [[1, 2]] * 4, "x"):
        with pytest.raises(InputError):
            prepare([item])


def test_ratings_are_pairs_that_exist():
    prepare = make_preprocessing(RATINGS, None)

    assert prepare([[2, 4], {"user": 0, "item": 1}]).tolist() == [[2, 4], [0, 1]]
    for item in ([3, 0], [0, 5], [0.5, 1], [1], None):
        with pytest.raises(InputError):
            prepare([item])


def test_an_unknown_kind_of_input_asks_for_an_update():
    with pytest.raises(InputError, match="Update"):
        make_preprocessing({"modality": "smell"}, None)


def test_files_of_every_format_give_the_same_inputs(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"id": "a", "text": "x, y"}, {"id": "b", "text": "z"}]
    (tmp_path / "a.csv").write_text('id,text\na,"x, y"\nb,z\n', encoding="utf-8")
    (tmp_path / "a.tsv").write_text("id\ttext\na\tx, y\nb\tz\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")

    for ending in ("csv", "tsv", "jsonl", "parquet"):
        found = list(items(tmp_path / f"a.{ending}", TEXTS, "text", None))
        assert found == [("a", "x, y"), ("b", "z")]
        assert next(items(tmp_path / f"a.{ending}", TEXTS, "text", "id")) == ("a", "a")


def test_a_folder_of_images_is_read_in_order(tmp_path):
    for name in ("b.png", "sub/a.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"content")

    found = [name for name, _ in items(tmp_path, make_preprocessing(IMAGE, None), "image", None)]
    assert found == ["b.png", "sub/a.jpg"]
    with pytest.raises(UsageError, match="texts"):
        list(items(tmp_path, TEXTS, "text", None))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"id,other\n1,2\n", "column named text"),
        ("a.csv", b"text\n\xff\xfe\n", "UTF-8"),
        ("a.csv", b"text,more\nx\n", "2 columns in line 2"),
        ("a.jsonl", b"{", "JSON object in line 1"),
        ("a.parquet", b"no", "Parquet"),
        ("a.doc", b"no", "Expected .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=words):
        list(items(tmp_path / name, TEXTS, "text", None))
