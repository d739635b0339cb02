import ast
import subprocess
import sys
from pathlib import Path

import pytest

import senet
import senet.data
import senet.models
import senet.training
from senet.attention import SPECS

PACKAGE = Path(senet.__file__).parent

# Who may import whom; the order is the order of the rooms.
GROUND = ("errors", "utils")
ALLOWED = {
    "errors": set(),
    "utils": {"errors"},
    "metadata": {*GROUND},
    "image_size": {*GROUND},
    "layers": {*GROUND, "ops"},
    "ops": {*GROUND},
    "attention": {*GROUND, "layers", "ops"},
    "weight_decay": {*GROUND, "attention"},
    "networks": {*GROUND, "layers", "ops", "attention"},
    "accounting": {*GROUND, "image_size", "layers", "attention"},
    "insertion": {*GROUND, "image_size", "weight_decay", "attention", "accounting"},
    "data": {*GROUND},
    "distributed": {*GROUND, "data"},
    "inference": {*GROUND, "image_size", "data", "distributed"},
    "page": {*GROUND},
    "scores": {*GROUND, "data", "distributed", "inference", "page"},
    "excitation": {*GROUND, "attention", "accounting", "insertion", "data", "distributed", "inference", "page"},
    "weights": {*GROUND, "metadata", "attention", "networks"},
    "models": {
        *(*GROUND, "metadata", "image_size", "attention", "networks", "weights", "insertion", "data", "inference"),
    },
    "training": {
        *(*GROUND, "metadata", "image_size", "weight_decay", "insertion", "data", "distributed", "inference", "page"),
        "scores",
    },
    "study": {
        *(*GROUND, "metadata", "attention", "networks", "accounting", "insertion", "models", "data", "distributed"),
        *("inference", "training", "weights", "excitation", "page"),
    },
    "cli": {
        *(*GROUND, "metadata", "attention", "networks", "accounting", "insertion", "models", "data", "distributed"),
        *("inference", "training", "weights", "study", "page", "excitation", "scores"),
    },
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "senet":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("senet.")}
    return rooms - {room(path)}


FACE = {PACKAGE / "__init__.py", PACKAGE / "__main__.py"}  # it names all rooms
INSIDE = sorted(set(PACKAGE.rglob("*.py")) - FACE)


@pytest.mark.parametrize("name", sorted({room(path) for path in INSIDE}))
def test_imports_go_one_way(name):
    further = {str(path): imported_rooms(path) - ALLOWED[name] for path in INSIDE if room(path) == name}
    assert not {path: rooms for path, rooms in further.items() if rooms}


def loaded_after(code: str, modules: tuple[str, ...]) -> list[str]:
    script = f"import sys\n{code}\nprint([m for m in {modules!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return ast.literal_eval(out.splitlines()[-1])


HEAVY = ("torchvision", "accelerate", "scipy", "altair", "sklearn", "timm", "ray", "datasets", "pyarrow", "rich")


def test_importing_senet_and_its_library_names_loads_torch_at_the_most():
    assert loaded_after("import senet\n[getattr(senet, name) for name in senet.__all__]", HEAVY) == []


def test_help_does_not_load_torch():
    groups = [], ["data"], ["data", "check"], ["data", "pack"], ["weights"], ["weights", "verify"]
    commands = [*groups, ["compare"], ["cost"], ["evaluate"], ["insert"], ["predict"], ["train"]]
    code = f"from senet.cli import run\nfor command in {commands!r}: run([*command, '--help'])"
    assert loaded_after(code, ("torch", *HEAVY[:-1])) == []


SAID = r"""
from senet.cli import _error_text
from senet.errors import UsageError
assert _error_text(UsageError("a\x1b", do="b")) == "a\\x1b\nb"
"""


def test_printing_an_error_does_not_load_torch():
    wrong = ["data", "check", "nowhere-at-all", "--workers", "x"], ["train", "--netwrk", "resnet8"], ["trian"]
    size = ["data", "pack", "photos", "--out", "shards", "--shard-size", "many"]
    commands = [*wrong, size, ["compare", "--attention", "none"]]
    code = f"from senet.cli import run\nassert [run(command) for command in {commands!r}] == [2] * 5"
    assert loaded_after(code, ("torch", *HEAVY[:-1])) == []
    assert loaded_after(SAID, ("torch", *HEAVY)) == []


def test_every_public_name_is_there_and_has_a_home():
    assert set(senet.__all__) == {*senet._HOMES, *SPECS, "__version__"}
    assert all(getattr(senet, name) is not None for name in senet.__all__)
    assert set(senet.__all__) <= set(dir(senet))
    with pytest.raises(AttributeError, match="no attribute 'SEE'"):
        _ = senet.SEE


def test_every_room_is_an_attribute_after_import_senet_alone():
    code = "import senet\nassert all(getattr(senet, r).__name__ == f'senet.{r}' for r in senet._ROOMS)"
    assert loaded_after(f"{code}\nsenet.training.train_in_memory, senet.insertion.frozen_trunk", HEAVY[1:]) == []
    assert loaded_after("import senet", ("torch", *(f"senet.{room}" for room in senet._ROOMS))) == []
    assert loaded_after("import senet\nsenet.errors, senet.study, senet.inference, dir(senet)", ("torch",)) == []


def test_rooms_are_ours_and_hide_no_public_name():
    assert set(senet._ROOMS) <= ALLOWED.keys()
    assert set(senet._ROOMS).isdisjoint(senet.__all__)
    assert set(senet._ROOMS) <= set(dir(senet))


@pytest.mark.parametrize("name", ["cli", "utils", "page", "__main__", "os", "data.folder", "trainin", "_HOMES_"])
def test_nothing_else_is_imported_by_its_name(name):
    assert loaded_after(f"import senet\nassert not hasattr(senet, {name!r})", (f"senet.{name}",)) == []


@pytest.mark.parametrize(
    "package", [senet, senet.training, senet.data, senet.models], ids=lambda package: package.__name__
)
def test_the_typing_block_names_what_the_lazy_table_names(package):
    tree = ast.parse(Path(package.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    specs = SPECS.keys() if typed.pop("*", "") == "senet.attention.registry" else set()
    assert typed == package._HOMES
    assert set(package.__all__) - {"__version__"} == typed.keys() | specs
    assert all(getattr(package, name) is not None for name in package.__all__)


def functions():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield path.relative_to(PACKAGE), node


# Where a module is called in another's place, with what that was called with.
HAND_ON = {
    "insertion/blocks/views.py",
    "insertion/blocks/call_steps.py",
    "insertion/blocks/methods.py",
    "insertion/blocks/guards.py",
}


def test_no_function_swallows_keyword_arguments():
    taken = [(path, node.name) for path, node in functions() if node.args.kwarg]
    assert {str(path) for path, _ in taken} == HAND_ON


def test_no_class_of_ours_inherits_from_another_but_errors():
    ours, bases = set(), []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                ours.add(node.name)
                bases += [(node.name, base.id) for base in node.bases if isinstance(base, ast.Name)]
    assert [(name, base) for name, base in bases if base in ours and base != "SenetError"] == []


@pytest.mark.parametrize("package", [senet, senet.data, senet.models, senet.training], ids=lambda p: p.__name__)
def test_no_lazy_name_is_that_of_a_module_beside_it(package):
    """Python puts a submodule, once imported, in the place of the name."""
    folder = Path(package.__file__).parent
    assert not {path.stem for path in folder.iterdir()} & package._HOMES.keys()
