"""A folder of tiny pictures in three colours, a run that learned them, and its weights, as they are or changed."""

import json
import random
import shutil

from PIL import Image, ImageDraw
from safetensors import safe_open
from safetensors.torch import save_file

from senet.cli import run

COLOURS = {"blue": (10, 30, 220), "green": (20, 200, 40), "red": (220, 30, 30)}
IMAGES = {"train": 12, "val": 4, "test": 4}


def picture(colour, seed):
    draw = random.Random(f"{colour} {seed}")
    image = Image.new("RGB", (24, 24), tuple(draw.randint(0, 60) for _ in range(3)))
    corners = (*(draw.randint(0, 6) for _ in range(2)), *(draw.randint(14, 23) for _ in range(2)))
    ImageDraw.Draw(image).rectangle(corners, fill=COLOURS[colour])
    return image


def pictures(root):
    for split, count in IMAGES.items():
        for colour in COLOURS:
            (root / split / colour).mkdir(parents=True)
            for i in range(count):
                picture(colour, f"{split} {i}").save(root / split / colour / f"{i}.png")
    for split in ("val", "test"):  # so that no accuracy is 100 %
        picture("red", split).save(root / split / "blue" / "astray.png")
    return root


def learned(root, out):
    """Train on the pictures."""
    quick = ["--epochs", "2", "--batch-size", "6", "--precision", "float32", "--threads", "1"]
    assert run(["train", "--network", "se_resnet8", "--data", f"folder:{root}", *quick, "--out", str(out)]) == 0
    return out


def alone(run_folder, folder):
    """Copy the last weights into a folder without anything else."""
    folder.mkdir(parents=True)
    return shutil.copy(run_folder / "weights" / "last.safetensors", folder / "w.safetensors")


def read(path):
    with safe_open(path, "pt") as file:
        names = file.keys()  # a file of safetensors is no mapping: it cannot be iterated itself
        return json.loads(file.metadata()["senet"]), {name: file.get_tensor(name) for name in names}


def write(path, about, tensors):
    save_file(tensors, path, {"senet": json.dumps(about)})
    return path
