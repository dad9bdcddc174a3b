import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import audit
from store.layout import Home


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home).create()


def log_of(place: Home) -> Path:
    return place.releases / "audit.jsonl"


def filled(folder: Path, count: int = 5) -> Home:
    place = Home(folder).create()
    for number in range(count):
        audit.append(place, "release", f"digits@v{number + 1}", who="ann", line="digits")
    return place


def append_many(folder: str, count: int) -> None:
    for number in range(count):
        audit.append(Home(Path(folder)), "alias", f"line@{number}", who="bob")


def test_entries_are_numbered_chained_and_whole(place):
    first = audit.append(place, "release", "digits@v1", who="ann", reason="it is better")
    second = audit.append(place, "rollback", "digits@champion", who="bob")

    assert (first.n, second.n) == (1, 2)
    assert first.previous == audit.GENESIS
    assert second.previous == first.hash
    assert audit.entries(place) == (first, second)
    assert audit.head(place) == (2, second.hash)
    assert audit.verify(place) == []


def test_an_empty_store_has_nothing_wrong_with_it(place):
    assert audit.verify(place) == []
    assert audit.entries(place) == ()


@given(
    entry=st.integers(0, 4),
    field=st.sampled_from(["n", "at", "who", "action", "subject", "details", "previous", "hash"]),
)
def test_no_field_of_any_entry_can_be_changed(tmp_path_factory, entry, field):
    place = filled(tmp_path_factory.mktemp("home"))
    lines = log_of(place).read_text(encoding="utf-8").splitlines()
    content = json.loads(lines[entry])
    changed = {"n": 77, "details": {"line": "other"}}.get(field, "somebody else")
    lines[entry] = json.dumps({**content, field: changed})
    log_of(place).write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert audit.verify(place)


@given(st.permutations(range(5)), st.integers(0, 5))
def test_entries_cannot_be_reordered_or_removed(tmp_path_factory, order, keep):
    place = filled(tmp_path_factory.mktemp("home"))
    lines = log_of(place).read_bytes().splitlines(keepends=True)
    changed = [lines[index] for index in order][:keep]
    log_of(place).write_bytes(b"".join(changed))

    assert bool(audit.verify(place)) == (changed != lines)


def test_an_entry_cannot_be_slipped_in_with_a_hash_of_its_own(place):
    audit.append(place, "release", "digits@v1", who="ann")
    last = audit.append(place, "release", "digits@v2", who="ann")
    lines = log_of(place).read_bytes().splitlines(keepends=True)
    forged = {**json.loads(lines[0]), "who": "eve"}
    forged["hash"] = audit.digest({key: forged[key] for key in forged if key != "hash"})
    log_of(place).write_bytes(json.dumps(forged).encode() + b"\n" + lines[1])

    assert audit.verify(place)
    assert audit.entries(place)[1] == last


def test_a_new_chain_does_not_fit_the_known_end(place, tmp_path):
    audit.append(place, "release", "digits@v1", who="ann")
    other = filled(tmp_path / "other", 1)
    log_of(place).write_bytes(log_of(other).read_bytes())

    assert "end was cut off or replaced" in audit.verify(place)[0]
    with pytest.raises(audit.AuditError, match="nobody changed"):
        audit.append(place, "alias", "digits@champion")


def test_nothing_is_added_to_a_log_that_was_cut(place):
    for _ in range(2):
        audit.append(place, "release", "digits@v1", who="ann")
    log_of(place).write_bytes(log_of(place).read_bytes().splitlines(keepends=True)[0])

    with pytest.raises(audit.AuditError):
        audit.append(place, "alias", "digits@champion")


def test_a_torn_last_line_was_never_acknowledged_and_gives_way(place):
    audit.append(place, "release", "digits@v1", who="ann")
    with log_of(place).open("ab") as file:
        file.write(b'{"n": 2, "at": "20')

    assert audit.verify(place) == []
    assert audit.append(place, "alias", "digits@champion", who="ann").n == 2
    assert audit.verify(place) == []


def test_a_crash_before_the_head_was_written_is_no_damage(place):
    audit.append(place, "release", "digits@v1", who="ann")
    head = (place.releases / "audit.head").read_bytes()
    audit.append(place, "release", "digits@v2", who="ann")
    (place.releases / "audit.head").write_bytes(head)

    assert audit.verify(place) == []
    assert audit.append(place, "release", "digits@v3", who="ann").n == 3


def test_two_processes_write_one_chain(place):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(str(place.path), 20)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [entry.n for entry in audit.entries(place)] == list(range(1, 41))
    assert audit.verify(place) == []
