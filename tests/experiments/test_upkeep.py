import json

import pytest

import store
from experiments.cli import main
from store.testing import filled_store


def test_a_healthy_store_is_called_healthy(home, capsys):
    filled_store(home, num_runs=2)

    assert main(["doctor"]) == 0
    assert "no findings, no errors" in capsys.readouterr().out


def test_the_hub_steps_aside_and_findings_are_data(home, capsys):
    filled_store(home, num_runs=1)
    (home / "runs" / "stray").mkdir()
    store.ensure_hub(home)

    assert main(["doctor", "--json"]) == 0
    [finding] = json.loads(capsys.readouterr().out)
    assert (finding["code"], finding["severity"], finding["subject"]) == ("F02", "warning", "stray")


def test_a_broken_database_is_an_error_until_it_is_made_anew(home, capsys):
    filled_store(home, num_runs=2)
    (home / "store.duckdb").write_bytes(b"garbage" * 1_000)

    assert main(["doctor"]) == 1
    assert main(["ls"]) == 1
    assert "doctor --rebuild" in capsys.readouterr().err
    assert main(["doctor", "--rebuild"]) == 0
    capsys.readouterr()
    assert main(["ls", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--rebuild"]])
def test_a_place_without_a_store_is_said_and_left_alone(home, arguments, capsys):
    assert main(arguments) == 1
    assert "nothing is stored" in capsys.readouterr().err
    assert not home.exists()
