"""A block behind a patch embedding weighs the map before the tokens, and no layer of the transformer: it is said."""

import json
import logging

import pytest
import timm
import torchvision

from senet.attention import SE
from senet.cli.insert.command import insert as command
from senet.insertion import insert
from senet.insertion.places.choose import choose_places, embedding_note, patch_embeddings
from senet.insertion.places.survey import survey


def vit():
    return torchvision.models.VisionTransformer(32, 16, 2, 4, 64, 128, num_classes=3)


def pvt():
    return timm.create_model("pvt_v2_b0", depths=(1, 1, 1, 1))


def crossvit():
    return timm.create_model("crossvit_9_240")


def hybrid():
    return timm.create_model("vit_tiny_r_s16_p8_224", img_size=64, depth=1)


@pytest.mark.parametrize(
    ("build", "side", "where", "names", "said"),
    [
        (vit, 32, "conv_proj", ["conv_proj"], "the only place is the patch embedding, conv_proj: a convolution whose "
         "map becomes the tokens, and none of the 4 residual sums of tokens that follow has a block"),
        (pvt, 64, "stages.0.blocks.0.attn.sr", [], ""),
        (pvt, 64, "standard", ["patch_embed.proj"], "places is the patch embedding, patch_embed.proj: a convolution"),
        (crossvit, 240, "patch_embed.*.proj", ["patch_embed.0.proj", "patch_embed.1.proj"],
         "2 of 2 places are patch embeddings, patch_embed.0.proj, patch_embed.1.proj"),
        (hybrid, 64, "patch_embed.backbone.norm.act", [], ""),
        (lambda: timm.create_model("mobilevit_xxs"), 64, "standard", [], ""),
        (lambda: torchvision.models.resnet18(), 64, "standard", [], ""),
    ],
)  # fmt: skip
def test_places_that_are_patch_embeddings_are_named(build, side, where, names, said):
    found = survey(build().eval(), (1, 3, side, side))
    chosen = choose_places(found, SE(), where, None)
    assert patch_embeddings(found, chosen) == names
    assert said in embedding_note(found, chosen)
    assert bool(embedding_note(found, chosen)) == bool(names)


def test_insert_says_so(caplog):
    with caplog.at_level(logging.WARNING, "senet"):
        insert(vit(), SE(), where="conv_proj", example=(1, 3, 32, 32))
    assert "the only place is the patch embedding, conv_proj" in caplog.text


@pytest.mark.parametrize("attention", ["SE", None])
def test_the_command_says_so_and_its_json_has_the_names(tmp_path, capsys, attention):
    text = "import torchvision\ndef vit():\n    return torchvision.models.VisionTransformer(32, 16, 2, 4, 64, 128)\n"
    (tmp_path / "own.py").write_text(text)
    words = {"where": "conv_proj", "example": "1,3,32,32", "dry_run": True}
    command(f"{tmp_path / 'own.py'}:vit", attention, **words)
    said = capsys.readouterr()
    assert "the only place is the patch embedding" in said.out + said.err
    command(f"{tmp_path / 'own.py'}:vit", attention, **words, json=True)
    assert json.loads(capsys.readouterr().out)["patch_embeddings"] == ["conv_proj"]
