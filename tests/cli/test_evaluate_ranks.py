# senet evaluate as several processes: the words, numbers and files of one, once.
import json
import shutil

import pytest
import torch
from pictures import picture

from launching import TORCHRUN, ended, start, torchrun
from senet import create, save_weights
from senet.cli import run

pytestmark = pytest.mark.xdist_group("ranks")

CLASSES = ("cat", "dog", "owl")
TRANSFORM = {"size": [36, 40], "resize": 36, "mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Weights that nobody trained."""
    path = tmp_path_factory.mktemp("network") / "w.safetensors"
    torch.manual_seed(0)
    about = {"classes": list(CLASSES), "input_transform": TRANSFORM}
    save_weights(create("se_resnet8", num_classes=3), path, about=about)
    return path


@pytest.fixture
def held_out(tmp_path):
    """21 images; of batches of 4 the last three, from dog/5 on, are rank 1's."""
    for label, name in enumerate(CLASSES):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(7):
            picture(label, 10 * i + label).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def words(network, held_out, *more):
    return ["evaluate", str(network), "--data", f"folder:{held_out}", "--batch-size", "4", *map(str, more)]


def alone(capsys, asked, code=0):
    """Return the lines of one process."""
    capsys.readouterr()
    assert run(asked) == code
    return "".join(capsys.readouterr()).splitlines()


def errors(said):
    """Return what was said to be wrong; torchrun's summary says it again."""
    return [line for line in said.splitlines() if line.startswith(("error: ", "rank 1: error: "))]


def of_two(asked):
    code, said = ended(torchrun(2, "-m", "senet", *asked))
    assert code == 0, said
    return said.splitlines()


@pytest.mark.slow  # test_train_ranks_streamed.py launches a command of the fast tier
def test_row_71_evaluate_on_two_ranks_says_and_writes_what_one_process_does(network, held_out, tmp_path, capsys):
    (held_out / "owl" / "7.png").write_bytes(b"")  # the 22nd
    one, two = (words(network, held_out, "--on-error", "skip", "--json", "--csv", tmp_path / n) for n in ("1", "2"))
    said, expected = of_two(two), alone(capsys, one)
    assert json.loads(expected[0])["images"] == 21
    assert [line for line in expected if line.startswith("note: left out: owl/7.png")]
    assert {line: said.count(line) for line in expected} == dict.fromkeys(expected, 1)
    assert sum(line.startswith(("{", "note: ")) for line in said) == len(expected)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_row_71_evaluate_prints_the_tables_of_one_process_once(workers, network, held_out, capsys):
    expected = [line for line in alone(capsys, words(network, held_out)) if line]
    said = of_two(words(network, held_out, "--workers", workers))
    assert "\n".join(expected) in "\n".join(line for line in said if line)
    assert sum("21 images" in line for line in said) == 1


@pytest.mark.slow
def test_row_71_evaluate_of_a_set_in_memory_on_three_ranks(tmp_path, capsys):
    torch.manual_seed(0)
    about = {"classes": list("0123456789"), "input_transform": {"size": [8, 8], "mean": [0.5], "std": [0.25]}}
    path = tmp_path / "w.safetensors"
    save_weights(create("resnet8", num_classes=10, in_channels=1), path, about=about)
    asked = ["evaluate", str(path), "--data", "digits", "--json"]
    code, said = ended(torchrun(3, "-m", "senet", *asked))
    assert code == 0, said
    expected = alone(capsys, asked)
    assert expected[0].startswith("{")
    assert {line: said.splitlines().count(line) for line in expected} == dict.fromkeys(expected, 1)


@pytest.mark.slow
def test_row_72_an_image_that_rank_1_cannot_read_is_named_once_and_ends_both(network, held_out, capsys):
    (held_out / "owl" / "6.png").write_bytes(b"")
    expected = alone(capsys, words(network, held_out), code=3)
    code, said = ended(torchrun(2, "-m", "senet", *words(network, held_out)))
    assert code != 0
    at = next(i for i, line in enumerate(expected) if line.startswith("error: "))
    assert "owl/6.png (sample 20)" in expected[at + 1]
    assert "\n".join(["rank 1: " + expected[at], *expected[at + 1 : at + 3]]) in said
    assert len(errors(said)) == 1, said
    assert "exitcode  : 3" in said
    assert "stopped: " not in said


@pytest.mark.slow
def test_an_error_of_all_ranks_is_said_once_with_its_exit_code(network, held_out, tmp_path):
    (tmp_path / "text.safetensors").write_text("text")
    for asked, what, number in (
        (words(tmp_path / "text.safetensors", held_out), "not a readable safetensors file", 4),
        (words(network, held_out / "nowhere"), "no such folder", 3),
        (words(network, held_out, "--csv", held_out), "a folder, not a file", 2),
    ):
        code, said = ended(torchrun(2, "-m", "senet", *asked))
        assert code != 0
        assert [what in line for line in errors(said)] == [True], said
        assert f"exitcode  : {number}" in said


@pytest.mark.slow
def test_row_75_ranks_of_other_weights_or_images_are_refused(network, held_out, tmp_path):
    torch.manual_seed(1)
    about = {"classes": list(CLASSES), "input_transform": TRANSFORM}
    for rank in "01":
        shutil.copytree(held_out, tmp_path / rank / "photos")
        save_weights(create("se_resnet8", num_classes=3), tmp_path / rank / "w.safetensors", about=about)
    script = tmp_path / "elsewhere.py"
    script.write_text(
        "import os, sys\nfrom senet.cli import run\n"
        f"os.chdir(os.path.join({str(tmp_path)!r}, os.environ['RANK']))\nsys.exit(run(sys.argv[1:]))\n"
    )
    asked = [*TORCHRUN, "--nproc-per-node", 2, script, *words("w.safetensors", "photos")]
    code, said = ended(start(*asked))
    assert code != 0
    assert "rank 1 differs from rank 0: " in said
    assert "differs in value" in said
    shutil.copy(tmp_path / "0" / "w.safetensors", tmp_path / "1")
    (tmp_path / "1" / "photos" / "dog" / "0.png").rename(tmp_path / "1" / "photos" / "dog" / "9.png")
    code, said = ended(start(*asked))
    assert code != 0
    assert "rank 1 differs from rank 0: data " in said
    shutil.rmtree(tmp_path / "1")
    shutil.copytree(tmp_path / "0", tmp_path / "1")
    code, said = ended(start(*asked))
    assert code == 0, said
