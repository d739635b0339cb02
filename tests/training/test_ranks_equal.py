# Two ranks train what one process trains: the same batches, losses, weights and scores.
import csv
import json

import pytest
import torch
from safetensors.torch import load_file

from launching import TOY, ended, torchrun
from rank_toy import CASES, run_case

pytestmark = pytest.mark.xdist_group("ranks")  # one launch for all of them


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    root = tmp_path_factory.mktemp("ranks")
    process = torchrun(2, TOY, "equal", root / "two")
    for name, case in CASES.items():
        run_case(case, root / "one" / name)
    code, said = ended(process)
    assert code == 0, said
    return root


def steps(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "seconds" in line]


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


LOOSE = {"fp16": 5e-3}  # a rounding in another place may be a whole step of half precision
EXACT = ("validation_top1", "validation_top5", "validation_images", "steps", "lr", "skipped")


@pytest.mark.parametrize("name", [name for name in CASES if name != "norms frozen later"])
def test_two_ranks_have_the_losses_and_the_weights_of_one_process(both, name):
    one, two = (steps(both / ranks / name) for ranks in ("one", "two"))
    assert [step["images"] for step in one] == [step["images"] for step in two]
    rel = LOOSE.get(name, 1e-5)
    assert [step["loss"] for step in two] == pytest.approx([step["loss"] for step in one], rel=rel)
    for file in ("last", "best"):
        first, second = (load_file(both / ranks / name / "weights" / f"{file}.safetensors") for ranks in ("one", "two"))
        assert first.keys() == second.keys()
        for key in first:
            torch.testing.assert_close(second[key], first[key], rtol=20 * rel, atol=20 * rel)


@pytest.mark.parametrize("name", ["plain", "average, mixing, clipping", "accumulated", "frozen norms"])
def test_row_71_scores_of_21_images_on_two_ranks_are_those_of_one_process(both, name):
    one, two = ((both / ranks / name) for ranks in ("one", "two"))
    for first, second in zip(rows(one), rows(two), strict=True):
        assert {key: second[key] for key in EXACT} == {key: first[key] for key in EXACT}
        assert float(second["validation_loss"]) == pytest.approx(float(first["validation_loss"]), rel=1e-4)
    first, second = (json.loads((folder / "result.json").read_text())["test"] for folder in (one, two))
    assert second == {**first, "loss": pytest.approx(first["loss"], rel=1e-4)}
    assert first["images"] == 21


def test_norms_that_are_frozen_later_hold_no_rank_up(both):
    """DDP waits for the gradients of all that was trainable when it was made."""
    assert [row["epoch"] for row in rows(both / "two" / "norms frozen later")] == ["1", "2"]


def test_row_77_rank_0_alone_writes_and_each_line_is_there_once(both):
    for name, case in CASES.items():
        folder = both / "two" / name
        assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
        assert [step["steps"] for step in steps(folder)] == list(
            range(1, 2 * -(-case.count // case.recipe.batch_size) + 1)
        )
        assert not list(folder.rglob("*.tmp"))
