import json

import pytest

from senet.accounting import cost as count
from senet.attention import CBAM, SE, to_dict
from senet.cli.common.model_flags import StartFlags
from senet.cli.cost.command import cost
from senet.errors import UsageError
from senet.networks import create

TORCH = StartFlags(geometry="torch")


def printed(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_table(capsys):
    cost("se_resnet50")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == "se_resnet50: SE(), caffe geometry, 3 x 224 x 224"
    rows = {" ".join(line.split()) for line in lines}
    assert {
        "se_resnet50 28,088,024 3,860,488,192 37,146,288 490,085,376",
        "without attention 25,557,032 3,857,973,248 26,091,520 413,351,488",
        "difference +2,530,992 +2,514,944 +11,054,768 +76,733,888",
        "in percent +9.903% +0.065% +42.369% +18.564%",
        "attention's share 2,530,992 2,514,944 11,054,768 76,733,888",
        "se_resnet50 28.1 M -0.043% 3.87 G -0.246% (1)",
        "se_resnet50 28,088,024 equal 3,860,488,192 equal (2)",
        "resnet50 25,557,032 equal 3,857,973,248 equal (5)",
        "(1) Hu et al., arXiv 1709.01507v4, tables 2 and 10; parameters without the gates' biases",
    } <= rows
    assert "For one image. Multiply-adds: convolutions and linear layers." in " ".join(rows)


def test_by_module(capsys):
    cost("se_resnet50", by_module=True)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    names = [row[0] for row in rows if row and row[0].startswith(("stem", "stage", "head"))]
    assert names[:4] == ["stem", "stage2", "stage2.0", "stage2.1"]
    assert names[-1] == "head"
    assert len(names) == 2 + 4 + 16
    assert ["stage5", "16,544,128", "733,741,056", "1,913,216", "86,892,032", "1,579,392"] in rows


def test_plain_network_has_one_row_and_no_figures_where_none_is_published(capsys):
    cost("resnet20", size=32)
    out = capsys.readouterr().out
    assert "resnet20: no attention, 3 x 32 x 32" in out
    assert "269,722" in out
    assert "without attention" not in out
    assert "Published" not in out


def test_json(capsys):
    cost("cbam_resnet50", json=True)
    data = printed(capsys)
    assert (data["attention"], data["spec"]) == (str(CBAM()), to_dict(CBAM()))
    assert data["cost"]["parameters"] == 28_089_624
    assert {k: data["cost"][k] - data["without_attention"][k] for k in data["cost"]} == data["difference"]
    assert data["difference"] == data["attention_share"]
    assert [(f["network"], f["multiply_adds"]) for f in data["published"]] == [("cbam_resnet50", "3.864 G")]
    assert "modules" not in data


def test_json_by_module_adds_up(capsys):
    cost("sknet26", size=64, by_module=True, json=True)
    data = printed(capsys)
    parts = [row["cost"] for row in data["modules"] if "." not in row["name"]]
    assert {key: sum(part[key] for part in parts) for key in parts[0]} == data["cost"]


@pytest.mark.parametrize(
    ("attention", "spec"), [("none", None), ("SE(reduction=4)", SE(reduction=4)), ("CBAM", CBAM())]
)
def test_options_reach_the_network(capsys, attention, spec):
    cost("resnet18", attention=attention, start=TORCH, size=64, in_channels=1, classes=7, json=True)
    data = printed(capsys)
    model = create("resnet18", attention=spec, geometry="torch", in_channels=1, num_classes=7)
    found = count(model, (1, 64, 64))
    assert data["cost"]["multiply_adds"] == found.multiply_adds
    assert data["cost"]["parameters"] == found.parameters
    assert (data["input_size"], data["classes"], data["published"]) == ([1, 64, 64], 7, [])


def test_no_classes_is_the_network_without_its_classifier(capsys):
    cost("se_resnet50", classes=0, json=True)
    data = printed(capsys)
    assert (data["classes"], data["published"]) == (0, [])
    assert data["cost"]["parameters"] == 28_088_024 - 2049 * 1000


def test_figures_follow_the_network_not_its_name(capsys):
    cost("resnet50", attention="SE()", json=True)
    assert {f["network"] for f in printed(capsys)["published"]} == {"se_resnet50", "resnet50"}
    cost("se_resnet50", start=TORCH, json=True)
    assert printed(capsys)["published"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"network": "se_resnet5"}, "se_resnet50"),
        ({"network": "resnet50", "attention": "SR()"}, "no attention is called 'SR'"),
        ({"network": "resnet50", "start": StartFlags(geometry="tensorflow")}, "geometries caffe and torch"),
        ({"network": "resnet50", "size": 0}, "not the shape of an image"),
        ({"network": "resnet50", "size": 2}, "cannot be counted"),
        ({"network": "resnet50", "classes": -1}, "must be at least 0"),
        ({"network": "resnet50", "in_channels": 0}, "in_channels=0 at least 1"),
    ],
)
def test_errors(arguments, said):
    with pytest.raises(UsageError, match=said):
        cost(**arguments)
