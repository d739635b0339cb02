# Rooms that can be seen: few files a folder, each folder with its purpose, one name for one class.
import ast
import runpy
from collections import defaultdict
from pathlib import Path

import pytest

import senet

PACKAGE = Path(senet.__file__).parent
ROOT = Path(__file__).parent.parent
FOLDERS = sorted({PACKAGE, *(path.parent for path in PACKAGE.rglob("*.py"))})
LIKE = {"attention", "networks"}  # a block, a network a file
FLAT, FLAT_OF_LIKE, LINES = 13, 24, 225
LONGER = {  # one paper, one file
    "attention/cbam.py",
    "attention/selective_kernel.py",
}


def name_of(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_has_few_modules(folder):
    modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
    assert len(modules) <= (FLAT_OF_LIKE if name_of(folder) in LIKE else FLAT)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_says_what_it_is_for_in_one_line(folder):
    first = (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").partition("\n")[0]
    assert first.endswith(".")


def test_a_module_is_short_but_for_papers():
    long = {name_of(path) for path in PACKAGE.rglob("*.py") if len(path.read_text().splitlines()) > LINES}
    assert long == LONGER


def test_no_two_public_classes_have_one_name():
    homes = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name_of(path))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_the_tree_on_the_page_is_that_of_the_package():
    tree = runpy.run_path(str(ROOT / "benchmarks" / "structure.py"))["tree"]()
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert f"<!-- tree -->\n{tree}\n<!-- /tree -->" in page, "python benchmarks/structure.py --page draws it"
