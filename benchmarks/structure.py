"""Measure the shape of the package: files, folders, names, and which of its files each command imports and runs.

python benchmarks/structure.py [--page]

With another checkout's src in PYTHONPATH it measures that one.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import senet

PACKAGE = Path(senet.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
TREE = re.compile(r"<!-- tree -->.*<!-- /tree -->", re.DOTALL)
SHORT, LONG, FLAT = 60, 200, 12
RUN = """
import json, sys
from pathlib import Path
from senet.cli import run
import senet
package, ran = str(Path(senet.__file__).parent), set()
def note(frame, event, arg):
    if event == "call" and frame.f_code.co_name != "<module>":
        ran.add(frame.f_code.co_filename)
sys.setprofile(note)
code = run(json.loads(sys.argv[1]))
sys.setprofile(None)
assert code == 0, code
files = {getattr(module, "__file__", None) for name, module in [*sys.modules.items()] if name.startswith("senet")}
print(json.dumps([len(files - {None}), sum(file.startswith(package) for file in ran)]), file=sys.__stderr__)
"""


def commands(folder: Path) -> dict[str, list[str]]:
    """Return one small run of each command, in the order in which they need one another."""
    weights, once = str(folder / "run" / "weights" / "last.safetensors"), ["--epochs", "1"]
    network = ["--network", "resnet8", "--attention", "SE"]
    return {
        "train": ["train", *network, "--data", "digits", *once, "--out", str(folder / "run")],
        "predict": ["predict", weights, "--data", "digits"],
        "evaluate": ["evaluate", weights, "--data", "digits"],
        "compare": ["compare", "--seeds", "2", *once, "--workers", "1", "--out", str(folder)],
        "insert": ["insert", "torchvision:resnet18", "--attention", "SE", "--out", str(folder / "inserted")],
        "cost": ["cost", "se_resnet50"],
        "excite": ["excite", weights, "--data", "digits", "--out", str(folder / "gates")],
    }


def measured(command: list[str]) -> tuple[int, int]:
    """Return how many of the package's files a command imported, and in how many a function ran."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    imported, ran = json.loads(done.stderr.decode().splitlines()[-1])
    return imported, ran


def shape() -> dict[str, int]:
    """Count files, folders and names."""
    files = sorted(PACKAGE.rglob("*.py"))
    modules = [path for path in files if path.name != "__init__.py"]
    lines = {path: len(path.read_text().splitlines()) for path in modules}
    folders = Counter(path.parent for path in modules)
    classes = Counter(
        node.name
        for path in files
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return {
        "modules": len(modules),
        "packages": len(files) - len(modules),
        "lines": sum(lines.values()),
        f"modules under {SHORT} lines": sum(count < SHORT for count in lines.values()),
        f"modules over {LONG} lines": sum(count > LONG for count in lines.values()),
        f"folders of more than {FLAT} modules": sum(count > FLAT for count in folders.values()),
        "modules in the largest folder": max(folders.values()),
        "names of several public classes": sum(count > 1 for count in classes.values()),
    }


def purpose(folder: Path) -> str:
    """Return the first line of a folder's docstring."""
    return (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").partition("\n")[0]


def tree() -> str:
    """Return the package's folders, each with its purpose, for docs/architecture.md."""
    lines = []
    for folder in sorted(path.parent for path in PACKAGE.rglob("__init__.py")):
        depth = len(folder.relative_to(PACKAGE).parts)
        name = f"{'  ' * depth}{folder.name}/"
        lines.append(f"    {name:18} {purpose(folder)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="draw the tree of docs/architecture.md, and end")
    if parser.parse_args().page:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TREE.sub(lambda _: f"<!-- tree -->\n{tree()}\n<!-- /tree -->", text), encoding="utf-8")
        return
    for name, count in shape().items():
        print(f"{name:38} {count:>6,}")
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands(Path(folder)).items():
            imported, ran = measured(command)
            print(f"senet {name:8}  imports {imported:>4} of the project's files, runs code of {ran:>4}")


if __name__ == "__main__":
    main()
