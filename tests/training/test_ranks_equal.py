# Two ranks train what one process trains: the same batches, losses, weights and scores.
import csv
import json
from functools import cache

import pytest
import torch
from safetensors.torch import load_file

from launching import TOY, ended, torchrun
from rank_toy import CASES, run_case

pytestmark = pytest.mark.xdist_group("ranks")  # a launch for many of them

# One of each that ranks do in another way: sums of losses, of gradients, of classes' weights, draws, norms.
QUICK = ["plain", "average, mixing, clipping", "accumulated", "weighed classes", "frozen norms", "norms frozen later"]
OTHERS = [name for name in CASES if name not in QUICK]
LATER = "norms frozen later"


def of_cases(names):
    """Run a test for each case; most are of the slow tier, with a launch of their own."""
    marks = {name: [pytest.mark.slow] if name in OTHERS else [] for name in names}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks[name]) for name in names])


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """Return what runs some cases, by two ranks and by one process, and returns the folder of both; once."""

    @cache
    def launch(*names):
        root = tmp_path_factory.mktemp("ranks")
        process = torchrun(2, TOY, "equal", root / "two", *names)
        for name in names:
            run_case(CASES[name], root / "one" / name)
        code, said = ended(process)
        assert code == 0, said
        return root

    return launch


@pytest.fixture
def both(launched, name):
    return launched(*(QUICK if name in QUICK else OTHERS))


def steps(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "seconds" in line]


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


LOOSE = {"fp16": 5e-3}  # a rounding in another place may be a whole step of half precision
EXACT = ("validation_top1", "validation_top5", "validation_images", "steps", "lr", "skipped")


@of_cases([name for name in CASES if name != LATER])
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


@of_cases(["plain", "average, mixing, clipping", "accumulated", "frozen norms"])
def test_row_71_scores_of_21_images_on_two_ranks_are_those_of_one_process(both, name):
    one, two = ((both / ranks / name) for ranks in ("one", "two"))
    for first, second in zip(rows(one), rows(two), strict=True):
        assert {key: second[key] for key in EXACT} == {key: first[key] for key in EXACT}
        assert float(second["validation_loss"]) == pytest.approx(float(first["validation_loss"]), rel=1e-4)
    first, second = (json.loads((folder / "result.json").read_text())["test"] for folder in (one, two))
    assert second == {**first, "loss": pytest.approx(first["loss"], rel=1e-4)}
    assert first["images"] == 21


@of_cases([LATER])
def test_norms_that_are_frozen_later_hold_no_rank_up(both, name):
    """DDP waits for the gradients of all that was trainable when it was made."""
    assert [row["epoch"] for row in rows(both / "two" / name)] == ["1", "2"]


@of_cases(CASES)
def test_row_77_rank_0_alone_writes_and_each_line_is_there_once(both, name):
    case, folder = CASES[name], both / "two" / name
    assert [row["epoch"] for row in rows(folder)] == ["1", "2"]
    assert [step["steps"] for step in steps(folder)] == list(range(1, 2 * -(-case.count // case.recipe.batch_size) + 1))
    assert not list(folder.rglob("*.tmp"))
