# Two ranks that share a split count what one process counts, to the last bit, and rank 0 says what the other left out.
import logging
from dataclasses import replace

import pytest
import torch
from PIL import Image

from senet import create
from senet.data import Batching, InputTransform, Loading, Share, Split, open_folder, open_shards
from senet.data.loader.decode import decoded
from senet.data.loader.memory_feed import MemorySplit
from senet.data.sampling.split import divided
from senet.data.shards.pack import pack
from senet.data.sources.image_folder import FolderSource
from senet.data.transforms.evaluation import to_tensor
from senet.distributed.log_forwarder import LogForwarder
from senet.distributed.process_group import SINGLE_PROCESS
from senet.errors import DataError
from senet.inference.classifier import build_classifier
from senet.inference.confusion_meter import ConfusionMeter
from senet.inference.evaluation import score_split

TRANSFORM = InputTransform((16, 16), 16, (0.5,) * 3, (0.25,) * 3)


class Second:
    """Rank 1 of two, which writes down what it says."""

    share = Share(1, 2)

    def __init__(self):
        self.said = []

    def all_gather(self, value):
        self.said.append(value)
        return [value, value]

    def broadcast_from_rank0(self, make):
        return None


class First:
    """Rank 0 of two, which hears what the other said before."""

    share = Share(0, 2)

    def __init__(self, other):
        self.heard = iter(other.said)

    def all_gather(self, value):
        return [value, next(self.heard)]

    def broadcast_from_rank0(self, make):
        return make()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root, draw = tmp_path_factory.mktemp("photos") / "photos", torch.Generator().manual_seed(0)
    for split, count in (("train", 8), ("test", 21)):
        for i in range(count):
            path = root / split / ("bright", "dark")[i % 2] / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = torch.randint(0, 256, (20, 18, 3), dtype=torch.uint8, generator=draw)
            Image.fromarray(pixels.numpy()).save(path)
    return root


@pytest.fixture(scope="module")
def packed(photos, tmp_path_factory):
    root = tmp_path_factory.mktemp("packed") / "shards"
    pack(FolderSource(photos), root)
    return root


@pytest.fixture(scope="module")
def made():
    torch.manual_seed(0)
    return build_classifier(create("se_resnet8", num_classes=2), TRANSFORM)


def of_folder(root, size, **loading):
    return replace(open_folder(root, TRANSFORM, Batching(4), Loading(**loading), 0).test, batch_size=size)


def of_shards(root, size, **loading):
    return replace(open_shards(root, TRANSFORM, Batching(4), Loading(**loading), 0).test, batch_size=size)


def of_memory(root, size, **loading):
    images, labels = zip(*of_folder(root, 21), strict=True)
    return MemorySplit("test", Split(images[0], labels[0]), size, **loading)


def tallied(made, split, group=SINGLE_PROCESS):
    meter = ConfusionMeter()
    score_split(made, split, group=group, meter=meter)
    return meter.compute(group)


def of_two(made, split):
    other = Second()
    score_split(made, split(share=other.share), group=other)
    group = First(other)
    return score_split(made, split(share=group.share), group=group)


@pytest.mark.parametrize("size", [4, 20, 64])
@pytest.mark.parametrize("opened", [of_folder, of_shards, of_memory])
def test_row_71_21_images_on_two_ranks_give_the_numbers_of_one_process(opened, size, made, photos, packed):
    root = packed if opened is of_shards else photos
    alone = score_split(made, opened(root, size))
    assert of_two(made, lambda share: opened(root, size, share=share)) == alone
    assert (alone.total, [hits.images for hits in alone.classes]) == (21, [11, 10])


def test_what_a_rank_leaves_out_is_named_by_rank_0_in_the_words_of_one_process(made, photos, tmp_path, caplog):
    root = tmp_path / "photos"
    for path in photos.rglob("*.png"):
        (root / path.relative_to(photos)).parent.mkdir(parents=True, exist_ok=True)
        (root / path.relative_to(photos)).write_bytes(b"" if path.stem in ("03", "04", "19") else path.read_bytes())
    alone = score_split(made, of_folder(root, 4, on_error="skip"))
    words = [record.getMessage() for record in caplog.records]
    assert [word.split()[2] for word in words] == [f"test/{name}.png" for name in ("bright/04", "dark/03", "dark/19")]
    other = Second()
    score_split(made, of_folder(root, 4, on_error="skip", share=other.share), group=other)
    caplog.clear()
    group = First(other)
    assert score_split(made, of_folder(root, 4, on_error="skip", share=group.share), group=group) == alone
    assert [record.getMessage() for record in caplog.records] == words
    assert (alone.score.images, alone.total) == (18, 21)


@pytest.fixture(scope="module")
def guesses(made, photos):
    """What the model says of each file, alone in its batch; nothing that is skipped can shift it."""
    found = {}
    for path in sorted((photos / "test").rglob("*.png")):
        pixels = to_tensor(TRANSFORM.cropped(Image.open(path)))[None]
        found[str(path.relative_to(photos))] = int(made.logits(pixels).argmax())
    return found


@pytest.mark.parametrize("size", [1, 4, 64])
def test_mistakes_are_called_by_their_files_and_ranks_find_those_of_one_process(size, made, photos, guesses, tmp_path):
    root, lost = tmp_path / "photos", ("03", "04", "08", "19")
    for path in photos.rglob("*.png"):
        (root / path.relative_to(photos)).parent.mkdir(parents=True, exist_ok=True)
        (root / path.relative_to(photos)).write_bytes(b"" if path.stem in lost else path.read_bytes())
    alone = tallied(made, of_folder(root, size, on_error="skip"))
    wrong = {name for name, guess in guesses.items() if name.split("/")[1] != ("bright", "dark")[guess]}
    assert {one.name for one in alone.mistakes} == {name for name in wrong if name[-6:-4] not in lost}
    assert alone.mistakes
    for one in alone.mistakes:
        assert one.predicted == guesses[one.name]
        assert ("bright", "dark")[one.true] == one.name.split("/")[1]
        assert one.picture.startswith("data:image/png;base64,")
    other = Second()
    tallied(made, of_folder(root, size, on_error="skip", share=other.share), other)
    group = First(other)
    assert tallied(made, of_folder(root, size, on_error="skip", share=group.share), group) == alone
    data = decoded(divided(FolderSource(root)), 16, "skip")
    of_split = tallied(made, MemorySplit("test", data.test, size))
    assert {one.name for one in of_split.mistakes} == {one.name for one in alone.mistakes}


def test_no_image_at_all_is_no_score_for_ranks_too(made, tmp_path):
    for i in range(8):
        path = tmp_path / ("train", "test")[i % 2] / "ab"[i // 4] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of the 4 images"):
        of_two(made, lambda share: of_folder(tmp_path, 1, on_error="skip", share=share))


def test_a_relay_passes_each_line_on_once_and_ends():
    log, other = logging.getLogger("senet"), Second()
    with LogForwarder(other) as forwarder:
        log.warning("%s is gone", "a")
        forwarder.forward()
        log.info("nobody asked")
        forwarder.forward()
    log.warning("too late")
    forwarder.forward()
    assert other.said == [[(logging.WARNING, "%s is gone", ("a",))], [], []]
