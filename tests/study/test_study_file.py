"""Studies of one's own, in TOML."""

from dataclasses import replace

import pytest

from senet.attention import CBAM, SE
from senet.errors import UsageError
from senet.models import Placement
from senet.study.study_file import read_study
from senet.training import Recipe
from senet.training.recipe.settings import Ema

STUDY = """
network = "resnet20"
data = "folder:photos"
seeds = 6

[recipe]
epochs = 30
ema.decay = 0.9

[variants]
none = "none"
late = { attention = "SE(reduction=8)", stages = [3, 4] }
smooth = { attention = "SE(reduction=8)", recipe = { label_smoothing = 0.1, ema = { decay = 0.99 } } }

[grid]
attention = ["SE(reduction=4)", "CBAM(reduction=4)"]
where = ["standard", "pre"]
"""


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_study_holds_a_base_variants_and_a_grid(tmp_path):
    said = read_study(written(tmp_path, STUDY))
    assert (said.network, said.data, said.seeds) == ("resnet20", "folder:photos", 6)
    assert said.recipe == {"epochs": 30, "ema": {"decay": 0.9}}
    grid = [f"{spec}(reduction=4), {where}" for spec in ("SE", "CBAM") for where in ("standard", "pre")]
    assert list(said.variants) == ["none", "late", "smooth", *grid]
    assert said.variants["none"].attention is None
    assert said.variants["late"].placement == Placement(stages=(3, 4))
    last = said.variants["CBAM(reduction=4), pre"]
    assert (last.attention, last.placement) == (CBAM(reduction=4), Placement("pre"))


def test_a_variants_recipe_changes_the_bases_and_no_more(tmp_path):
    base = Recipe(epochs=30, ema=Ema(0.9, ramp=False))
    change = read_study(written(tmp_path, STUDY)).variants["smooth"].change
    assert change(base) == replace(base, label_smoothing=0.1, ema=Ema(0.99, ramp=False))


def test_a_grid_of_one_key_names_its_values(tmp_path):
    said = read_study(written(tmp_path, '[grid]\nattention = ["none", "SE(reduction=2)"]\nwhere = ["post"]\n'))
    assert list(said.variants) == ["none", "SE(reduction=2)"]
    assert said.variants["SE(reduction=2)"].attention == SE(reduction=2)
    assert said.variants["SE(reduction=2)"].placement.where == "post"


@pytest.mark.parametrize(
    ("text", "what", "where", "do"),
    [
        ("netwrok = 'a'", "unknown key netwrok", "", "did you mean network?"),
        ("network = 3", "network=3 is not text", "", ""),
        ("seeds = true", "seeds=True is not a whole number", "", ""),
        ("variants = []", "variants=[] is not a table", "", ""),
        ("[recipe]\nepoch = 3", "unknown key epoch", "", "did you mean epochs?"),
        ("[variants]\na = 3", "variants.a=3 is neither a spec nor a table", "", ""),
        ("[variants]\na = {attn = 'SE'}", "unknown key variants.a.attn", "", "did you mean attention?"),
        ("[variants]\na = 'SEE'", "no attention is called 'SEE'", "variants.a", "did you mean SE?"),
        ("[variants]\na = {attention = 'SE', stages = 3}", "variants.a.stages=3 is not a list", "", ""),
        (
            "[variants]\na = {attention = 'SE', stages = [true]}",
            "variants.a.stages[0]=True is not a whole number",
            "",
            "",
        ),
        ("[grid]\nattention = 'SE'", "grid: each key holds a list of values", "", ""),
        ("[grid]\nattention = []", "grid: each key holds a list of values", "", ""),
        ("[grid]\nattention = ['SE', 'SE']", "grid: the variant SE is there twice", "", ""),
        ("[grid]\nspec = ['SE']", "unknown key grid.spec", "", ""),
        ("variants = ", "not a readable study: Invalid value", "", ""),
    ],
)
def test_what_is_no_study_is_named_with_its_place(text, what, where, do, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        read_study(path)
    assert error.value.what.startswith(what)
    assert error.value.where.startswith(str(path))
    assert where in error.value.where
    assert error.value.do.startswith(do)


def test_files_that_are_not_there_or_no_text_are_named(tmp_path):
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.toml", "noise.toml"):
        with pytest.raises(UsageError, match="not a readable study") as error:
            read_study(tmp_path / name)
        assert error.value.where == str(tmp_path / name)
