# A study that looks at the gates of its trials: once each, beside its results and never in them.
import json
from dataclasses import replace

import pytest
import torch

import senet
from catalogue_of_blocks import OWN
from in_process import Here
from senet.data import DataConfig, resolved
from senet.excitation import record
from senet.study.build_variants import variants_from_specs
from senet.study.compare import compare
from senet.study.gates.trial import gates_path, load_classifier, read_gates
from senet.study.plan import Plan
from senet.study.progress import NullProgress
from senet.study.trials.result_files import weights_path
from senet.training import Recipe, open_feed

pytestmark = pytest.mark.xdist_group("gates of studies")
SUMMED = 'SK(groups=1, selection="none")'
SETTINGS = resolved(DataConfig("digits", train_fraction=0.05))
VARIANTS = ("none", "CBAM(reduction=4)", str(OWN), SUMMED)
PLAN = Plan("resnet8", variants_from_specs(VARIANTS), 2, SETTINGS, Recipe(epochs=1, batch_size=32, threads=1))
KEPT = ("results.csv", "results.jsonl", "study.json", "trials", "weights")


class Recorder(NullProgress):
    def __init__(self):
        self.began, self.looks, self.notices = None, [], []

    def begin(self, total, finished):
        self.began = (total, finished)

    def collecting_gates(self, done, total):
        self.looks.append((done, total))

    def notice(self, message):
        self.notices.append(message)


def run(folder, plan=PLAN):
    progress = Recorder()
    return compare(plan, open_feed(plan.data, plan.recipe), folder, Here(), progress), progress


def excited(folder, plan=PLAN):
    return run(folder, replace(plan, excite=True))


def kept(folder):
    files = (path for name in KEPT for path in [folder / name, *(folder / name).glob("*")])
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) for path in files if path.is_file()}


def trials_of(folder, plan=PLAN):
    found = [json.loads(path.read_text())["trial"] for path in (folder / "trials").glob("*.json")]
    trials = plan.trials(found[0]["fingerprint"], found[0]["environment"])
    assert {trial.key for trial in trials} <= {one["key"] for one in found}
    return trials


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("excited")
    plain, _ = run(folder)
    before = kept(folder)
    summary, progress = excited(folder)
    return folder, plain, before, summary, progress


@pytest.fixture
def copy(study, tmp_path):
    for path in (path for path in study[0].rglob("*") if path.is_file() and not path.name.startswith(".")):
        (tmp_path / path.relative_to(study[0])).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.relative_to(study[0])).write_bytes(path.read_bytes())
    return tmp_path


def test_a_finished_study_is_looked_at_without_training_and_no_byte_of_its_results_changes(study):
    folder, plain, before, summary, progress = study
    assert progress.began == (8, 8)
    assert progress.looks[0] == (0, 8)
    assert progress.looks[-1] == (8, 8)
    after = kept(folder)
    assert {path: text for path, (text, _) in after.items()} == {path: text for path, (text, _) in before.items()}
    unwritten = [path for path in before if path.parts[0] in ("trials", "weights")]
    assert all(after[path] == before[path] for path in unwritten)
    assert plain.gates is None
    assert summary.trials == plain.trials
    assert summary.verdicts == plain.verdicts


def test_a_plan_that_looks_has_the_keys_of_one_that_does_not(study):
    one, other = (plan.trials("data", {"torch": "x"}) for plan in (PLAN, replace(PLAN, excite=True)))
    assert [trial.key for trial in one] == [trial.key for trial in other]


def test_what_was_looked_at_is_read_back_and_not_looked_at_again(study):
    folder, _, _, summary, _ = study
    before = {path: path.stat().st_mtime_ns for path in (folder / "excitation").iterdir()}
    (folder / "weights").rename(folder / "elsewhere")
    again, progress = excited(folder)
    (folder / "elsewhere").rename(folder / "weights")
    assert progress.looks == []
    assert again.gates == summary.gates
    assert {path: path.stat().st_mtime_ns for path in (folder / "excitation").iterdir()} == before
    assert {path.stem for path in before} == {trial.key for trial in summary.trials}


def test_each_variant_has_the_gates_that_its_network_has(study):
    found = {one.variant: one for one in study[3].gates.variants}
    assert {name: len(one.gates) for name, one in found.items()} == dict(zip(VARIANTS, (0, 6, 3, 0), strict=True))
    assert {one.n for one in found.values()} == {2}
    assert [gate.kind for gate in found[VARIANTS[1]].gates] == ["channels", "positions"] * 3
    assert study[3].gates.images == study[3].settings["images"]["test"]


def test_the_numbers_are_of_the_saved_weights_on_the_test_images(study):
    folder, *_ = study
    feed = open_feed(PLAN.data, PLAN.recipe)
    trial = next(trial for trial in trials_of(folder) if trial.variant == VARIANTS[1])
    loaded = senet.load(weights_path(folder, trial))
    values = {}
    with record(loaded.model) as recorded, torch.no_grad():
        for images, _ in feed.test:
            loaded.classifier.logits(images)
            for name, gate in recorded.gates.items():
                values.setdefault(name, []).append(gate.values.double())
    for gate in read_gates(folder, trial).gates:
        assert gate.mean == pytest.approx(torch.cat(values[gate.name]).mean().item(), abs=1e-5)


def test_a_trials_input_is_that_of_its_own_training(study):
    folder, *_ = study
    feed, trial = open_feed(PLAN.data, PLAN.recipe), trials_of(folder)[1]
    assert (
        load_classifier(trial, feed, weights_path(folder, trial)).transform
        == senet.load(weights_path(folder, trial)).transform
    )


def test_trials_whose_weights_are_gone_or_damaged_are_counted_and_said(copy):
    gone, damaged = (trial for trial in trials_of(copy) if trial.variant == VARIANTS[1])
    for trial in (gone, damaged):
        gates_path(copy, trial).unlink()
    weights_path(copy, gone).unlink()
    weights_path(copy, damaged).write_bytes(b"no weights")
    summary, progress = excited(copy)
    assert [(one.variant, one.seed) for one in summary.gates.not_seen] == [(VARIANTS[1], 0), (VARIANTS[1], 1)]
    assert "its weights are gone" in progress.notices[0]
    assert len(progress.notices) == 2
    assert [one.variant for one in summary.gates.variants] == [name for name in VARIANTS if name != VARIANTS[1]]
    html = (copy / "report.html").read_text()
    assert "seed 0, is not counted: its weights are gone" in html
    assert [row.n for row in summary.rows] == [2, 2, 2, 2]


def test_a_file_of_another_kind_or_version_is_made_anew(copy):
    trial, whole = trials_of(copy)[1], gates_path(copy, trials_of(copy)[1]).read_text()
    for text in ("{", "[]", whole.replace('"version": 1', '"version": 0'), whole.replace('"images"', '"pictures"')):
        gates_path(copy, trial).write_text(text)
        assert read_gates(copy, trial) is None
    _, progress = excited(copy)
    assert progress.looks == [(0, 1), (1, 1)]
    assert gates_path(copy, trial).read_text() == whole


def test_a_new_seed_is_looked_at_and_the_others_are_not(copy):
    plan = replace(PLAN, seeds=3, variants=variants_from_specs(VARIANTS[:2]))
    summary, progress = excited(copy, plan)
    assert progress.looks[0] == (0, 2)
    assert [one.n for one in summary.gates.variants] == [3, 3]
