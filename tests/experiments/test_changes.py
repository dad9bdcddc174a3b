from experiments.evaluating.changes import changed


def record(**fields):
    return {"params": {"lr": 0.1, "name": "x"}, "seed": 0, **fields}


def test_what_differs_is_told_by_area():
    before = record(
        git={"commit": "aaa", "dirty": False},
        packages={"torch": "2.11", "numpy": "2.0"},
        data_hash="d1",
        data={"sizes": {"train": 100}, "hashes": {"train": "h"}},
        host="one",
    )
    after = record(
        params={"lr": 0.2, "name": "y", "depth": 3},
        git={"commit": "bbb", "dirty": True},
        packages={"torch": "2.13", "numpy": "2.0", "extra": "1"},
        data_hash="d1",
        data={"sizes": {"train": 120}, "hashes": {"train": "h"}},
        host="one",
    )
    found = changed(before, after)

    assert [(one.area, one.what, one.before, one.after) for one in found.changes] == [
        ("configuration", "lr", 0.1, 0.2),
        ("configuration", "depth", None, 3),
        ("code", "commit", "aaa", "bbb"),
        ("code", "uncommitted changes", False, True),
        ("packages", "torch", "2.11", "2.13"),
        ("packages", "extra", None, "1"),
        ("data", "size of train", 100, 120),
    ]
    assert found.sentence() == (
        "7 things differ: 2 in configuration, 2 in code, 2 in packages, 1 in data."
    )


def test_one_difference_is_named():
    assert changed(record(), record(seed=1)).sentence() == "Only the seed differs."
    assert changed(record(), record(params={"lr": 1})).sentence() == "Only lr differs."
    assert changed(record(), record()).sentence() == "Nothing that was recorded differs."


def test_uncommitted_changes_are_compared_line_by_line(tmp_path):
    folders = tmp_path / "a", tmp_path / "b"
    for folder, text in zip(folders, ("+ one\n", "+ two\n"), strict=True):
        folder.mkdir()
        (folder / "code.diff").write_text(text)
    found = changed(record(), record(), folders=folders)
    same = changed(record(), record(), folders=(folders[0], folders[0]))
    none = changed(record(), record(), folders=(tmp_path / "x", tmp_path / "y"))

    assert "-+ one" in found.code
    assert "++ two" in found.code
    assert same.code == none.code == ""
