import pytest

from experiments.queueing.causes import count_memory_kills, last_lines, likely_cause

NAN = "failed: Expected train/loss to stay finite; got nan at step 310. Lower training.lr"


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "GPU ran out"),
        (
            1,
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory",
            "machine ran",
        ),
        (1, "MemoryError", "machine ran out of memory"),
        (1, NAN, "NaN or infinite"),
        (2, "Expected the file a.csv (data.path); it does not exist.", "missing"),
        (1, "FileNotFoundError: [Errno 2] No such file or directory: 'x'", "missing"),
        (1, "OSError: [Errno 28] No space left on device", "disk is full"),
        (1, "ModuleNotFoundError: No module named 'timm'", "package is missing"),
        (1, "RuntimeError: CUDA error: device-side assert triggered", "GPU reported an error"),
        (2, "Expected training.lr to be at most 1.0; got 7.", "spec or its data were refused"),
        (137, "epoch 3/10", "killed by SIGKILL"),
        (139, "epoch 3/10", "segmentation fault"),
        (135, "epoch 3/10", "SIGBUS"),
        (143, "epoch 3/10", "SIGTERM"),
        (1, "ValueError: something else", "ValueError: something else"),
    ],
)
def test_the_common_causes_are_told_in_words(code, line, words):
    assert words in likely_cause(code, ("epoch 1/10", line, ""))


def test_a_kill_for_memory_is_told_apart_from_any_other():
    told = likely_cause(137, ("epoch 3/10",), out_of_memory_kill=True)

    assert "ran out of memory" in told
    assert count_memory_kills() >= 0


def test_silence_is_told_as_such():
    assert "exit code 5 and said nothing" in likely_cause(5, ())


def test_the_last_lines_of_a_huge_file_come_quickly_and_cut(tmp_path):
    log = tmp_path / "output.log"
    log.write_bytes(b"x" * 5_000_000 + b"\n" + b"\xff broken\n" + b"last\n")

    lines = last_lines(log)
    assert lines[-1] == "last"
    assert max(map(len, lines)) <= 500
    assert last_lines(tmp_path / "none") == ()
