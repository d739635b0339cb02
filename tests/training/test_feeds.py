import pytest
import torch
from PIL import Image

from senet.data import DataConfig, Loading, MemoryFeed, StreamFeed
from senet.data.transforms.augment import Flip, RandomResizedCrop
from senet.errors import UsageError
from senet.training import Recipe, open_feed
from senet.training.recipe.settings import Views
from senet.training.recipe.transforms import MEAN, STD


def folder(root, *sizes, count=6):
    """Class folders whose images have the given sizes in turn."""
    for split in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                colour = (40 * i, 100 * label, 7 * i + label)
                Image.new("RGB", sizes[i % len(sizes)], colour).save(root / split / name / f"{i}.png")
    return root


def opened(root, recipe=None, in_memory=None, loading=None, **data):
    settings = DataConfig(f"folder:{root}", in_memory=in_memory, **data)
    return open_feed(settings, recipe or Recipe(batch_size=4), loading or Loading())


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [([(32, 32)], True), ([(65, 32)], False), ([(32, 32), (32, 30)], False), ([(64, 30)], True)],
    ids=str,
)
def test_small_images_of_one_size_are_kept_in_memory(tmp_path, sizes, kept):
    root = folder(tmp_path, *sizes)
    assert isinstance(opened(root), MemoryFeed if kept else StreamFeed)


def test_the_user_may_decide_otherwise(tmp_path):
    root = folder(tmp_path, (32, 32))
    assert isinstance(opened(root, in_memory=False), StreamFeed)
    assert isinstance(opened(root, image_size=16), StreamFeed)
    assert isinstance(opened(root, image_size=16, in_memory=True), MemoryFeed)


def test_images_that_may_be_skipped_are_kept_in_memory_as_others_are(tmp_path):
    root = folder(tmp_path, (32, 32))
    before = opened(root, loading=Loading(on_error="skip"))
    assert isinstance(before, MemoryFeed)
    assert before.fingerprint() == opened(root).fingerprint()
    (root / "train/cat/0.png").write_bytes(b"torn")
    feed = opened(root, Recipe(batch_size=20), loading=Loading(on_error="skip"))
    assert sum(len(images) for images, _ in feed.train_batches(0, 1)) == len(feed.train)
    assert feed.transform.size == (32, 32)


def test_photographs_get_the_usual_crops_and_statistics(tmp_path):
    feed = opened(folder(tmp_path, (80, 70)))
    assert feed.batching.transforms == (RandomResizedCrop(224), Flip())
    assert (feed.transform.size, feed.transform.resize) == ((224, 224), 256)
    assert (feed.transform.mean, feed.transform.std) == (MEAN, STD)


def test_without_augmentation_training_sees_what_evaluation_sees(tmp_path):
    feed = opened(folder(tmp_path, (80, 70)), Recipe(batch_size=4, augment=False), image_size=32)
    images, _ = next(feed.train_batches(0, 1))
    name = feed.sample_ids(0, 1, 0)[0]
    with Image.open(tmp_path / name) as image:
        assert torch.equal(images[0], feed.transform.pixels(image))


def test_views_and_image_size_must_agree(tmp_path):
    recipe = Recipe(batch_size=4, views=Views(size=64))
    assert opened(folder(tmp_path, (80, 70)), recipe).transform.size == (64, 64)
    with pytest.raises(UsageError, match=r"views\.size=64 and image_size=32"):
        opened(tmp_path, recipe, image_size=32)


def test_a_share_of_a_folder_is_stratified_and_smaller(tmp_path):
    root = folder(tmp_path, (80, 70), count=20)
    whole, half = opened(root), opened(root, train_fraction=0.5)
    assert half.train.labels.bincount().tolist() == [9, 9]
    assert whole.train.labels.bincount().tolist() == [18, 18]
    assert half.fingerprint() != whole.fingerprint()
    with pytest.raises(UsageError, match="train_fraction"):
        opened(root, train_fraction=1.5)


def test_named_data_is_always_in_memory():
    assert isinstance(open_feed(DataConfig("digits"), Recipe()), MemoryFeed)
    with pytest.raises(UsageError, match="in memory"):
        open_feed(DataConfig("digits", in_memory=False), Recipe())
