import csv
import html as html_text
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from browser import Page
from senet.errors import DivergedError
from senet.training import StoppedError
from senet.training.report.page import render_run_page, write_report
from senet.training.report.step_metrics import POINTS, read_step_metrics
from toy import RECIPE, run, stop_after


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    facts = {"command": "senet train --network toy", "parameters": 1234}
    run(folder, recipe=replace(RECIPE, epochs=3, lr=0.005), facts=facts)  # it has not learned everything
    return folder


def text_of(html):
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def copied(folder, to):
    for name in ("run.json", "results.csv", "metrics.jsonl", "result.json", "confusion.json"):
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def test_the_numbers_are_those_of_the_runs_files(folder):
    html = write_report(folder).read_text(encoding="utf-8")
    said, result = text_of(html), json.loads((folder / "result.json").read_text())
    assert f"The network classifies {result['test']['top1']:.2f}% of {result['test']['images']} test images" in said
    assert "the average of the weights" in said
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    seconds = sum(json.loads(line).get("seconds", 0) for line in lines)
    assert f"Training steps took {seconds:.1f} s" in said
    assert "Parameters 1,234 " in said
    assert "senet train --network toy" in said
    with (folder / "results.csv").open() as file:
        for row in csv.DictReader(file):
            assert f"{float(row['validation_loss']):.4f}" in said
    for key in ("accuracy", "losses", "step-loss", "learning-rate", "speed"):
        assert f'data-figure="{key}"' in html
    assert "loss-scale" not in html


def test_nothing_is_loaded_and_a_policy_forbids_it(folder):
    html = render_run_page(folder)
    assert html_text.unescape(html).count("default-src 'none'") == 1
    markup = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert not re.search(r"<(link|iframe|form)\b|\ssrc=(?!\"data:image/png;base64,)|\shref=", markup)


def test_an_unfinished_run_says_so(folder, tmp_path):
    copied(folder, tmp_path)
    (tmp_path / "result.json").unlink()
    lines = (tmp_path / "results.csv").read_text().splitlines()
    (tmp_path / "results.csv").write_text("\n".join(lines[:2]) + "\n")
    said = text_of(render_run_page(tmp_path))
    assert "This run is not finished." in said
    assert "1 of 3 epochs" in said
    assert "confused" not in said  # what was found then is not of these weights


def test_an_empty_folder_and_a_torn_file_give_a_page(folder, tmp_path):
    assert "not finished" in text_of(render_run_page(tmp_path))
    copied(folder, tmp_path)
    (tmp_path / "metrics.jsonl").write_text((tmp_path / "metrics.jsonl").read_text()[:-9])
    (tmp_path / "run.json").write_text("{")
    assert "The network classifies" in text_of(render_run_page(tmp_path))


def test_a_finished_run_without_its_confusion_says_so_and_how_to_get_it(folder, tmp_path):
    copied(folder, tmp_path)
    assert "confusion.json is missing" not in text_of(render_run_page(tmp_path))
    for spoil in ((tmp_path / "confusion.json").unlink, lambda: (tmp_path / "confusion.json").write_text("{")):
        spoil()
        said = text_of(render_run_page(tmp_path))
        assert "confusion.json is missing or cannot be read; senet evaluate WEIGHTS --data SOURCE --report" in said


def test_row_87_hostile_names_stay_text(folder, tmp_path):
    copied(folder, tmp_path)
    said = json.loads((tmp_path / "run.json").read_text())
    said["about"]["classes"] = ["<script>alert(1)</script>", "\x1b[31mred", "b"]
    said["data"] = "folder:</script><b>"
    (tmp_path / "run.json").write_text(json.dumps(said))
    html = render_run_page(tmp_path)
    assert "<script>alert" not in html
    assert "</script><b>" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_validation_on_the_test_images_is_said(folder, tmp_path):
    copied(folder, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    result["best"] |= {"validation_images": result["test"]["images"], "validation_loss": result["test"]["loss"]}
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert "Validation and test are the same images" in text_of(render_run_page(tmp_path))


def test_a_run_that_failed_before_an_epoch_ended_says_why_and_shows_how_far_it_came(tmp_path):
    with pytest.raises(DivergedError):
        run(tmp_path, recipe=replace(RECIPE, lr=1e20, warm_up=None, clip_norm=None))
    html = render_run_page(tmp_path)
    said, failure = text_of(html), json.loads((tmp_path / "failure.json").read_text())
    for part in ("This run failed: ", failure["what"], failure["where"], failure["do"], "0 of 4 epochs"):
        assert part in said
    assert 'data-figure="step-loss"' in html


def test_a_run_that_was_stopped_says_how_it_goes_on(tmp_path):
    with pytest.raises(StoppedError):
        run(tmp_path, watch=stop_after(3), resume_line="senet train <b> --resume")
    html = render_run_page(tmp_path)
    assert "This run was stopped by signal 2 at epoch 1, step 3; saved." in text_of(html)
    assert "senet train &lt;b&gt; --resume</pre>" in html
    run(tmp_path, resume=True)
    assert "This run was" not in render_run_page(tmp_path)


def test_steps_and_epochs_are_counted_in_whole_numbers(folder):
    for key, figure in Page(render_run_page(folder)).data().items():
        if key != "confusion":
            across = figure["layer"][0]["encoding"]["x"]
            assert across["axis"]["format"] == ",d"
            assert all(isinstance(value, int) for value in across["axis"]["values"])


def test_points_have_the_colour_of_their_line(folder):
    line = Page(render_run_page(folder)).data()["accuracy"]["layer"][0]["mark"]
    assert line["point"]["color"] == line["color"]


def test_a_long_run_is_thinned_to_means(tmp_path):
    path = tmp_path / "metrics.jsonl"
    line = {"epoch": 1, "lr": 0.1, "images": 10, "seconds": 0.5}
    with path.open("w") as file:
        for step in range(1, 3 * POINTS + 1):
            file.write(json.dumps({"steps": step, **line, "loss": None if step == 1 else float(step)}) + "\n")
    points = read_step_metrics(path).points
    assert len(points) == POINTS
    assert points[0] == {"step": 3, "loss": 2.5, "lr": 0.1, "speed": 20.0}
    assert points[-1]["step"] == 3 * POINTS


def test_lines_of_epochs_between_the_steps_make_no_point_more(tmp_path):
    path, steps = tmp_path / "metrics.jsonl", range(1, 2 * POINTS + 1)
    step, epoch = {"lr": 0.1, "images": 10, "seconds": 0.5, "loss": 1.0}, {"lr": 0.1, "scales": []}
    path.write_text("".join(f"{json.dumps({'steps': n, **line})}\n" for n in steps for line in (step, epoch)))
    assert [point["step"] for point in read_step_metrics(path).points] == list(steps)[1::2]


def test_the_loss_scale_of_fp16_is_drawn(folder, tmp_path):
    copied(folder, tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"steps": 99, "scales": [[1, 2, 32768.0], [1, 3, 16384.0]]}) + "\n")
    assert 'data-figure="loss-scale"' in render_run_page(tmp_path)


def test_importing_the_room_does_not_import_what_draws():
    code = "import sys, senet.training.loop; print([m for m in ('altair', 'jinja2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
