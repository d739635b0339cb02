import gzip
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from senet.data import DataConfig, load, resolved
from senet.data.loader.array_samples import ArraySamples
from senet.data.loader.dataset import Split
from senet.data.sampling.split import stratified_mask, stratified_split
from senet.data.sources.fashion_mnist import CLASSES, DEBIAN, read_idx
from senet.data.sources.source import SplitListing, labelled_samples
from senet.errors import DataError, UsageError


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = load(DataConfig("digits"))
    assert (len(data.train), len(data.validation), len(data.test)) == (1132, 126, 539)
    assert data.size == (8, 8)
    assert data.channels == 1
    ours = torch.cat([s.images for s in (data.train, data.validation, data.test)]).flatten(1).double() / 15
    theirs = torch.from_numpy(load_digits().data)
    assert torch.equal(ours.sum(0), theirs.sum(0))


def test_splits_are_stratified_disjoint_and_fixed():
    split = Split(torch.arange(400)[:, None, None, None].to(torch.uint8), torch.arange(400) % 4)
    rest, share = stratified_split(split, 0.25, seed=0, what="test")
    assert torch.equal(share.labels.bincount(), torch.full((4,), 25))
    assert torch.equal(rest.labels.bincount(), torch.full((4,), 75))
    again = stratified_split(split, 0.25, seed=0, what="test")[1]
    assert torch.equal(share.images, again.images)
    assert not torch.equal(share.images, stratified_split(split, 0.25, seed=1, what="test")[1].images)


def test_the_split_of_thousands_of_classes_takes_no_minute_and_draws_as_ever():
    labels = torch.arange(300_000).flip(0) % 20_000
    start = time.process_time()
    taken = stratified_mask(labels, 0.1, 0, "val")
    assert time.process_time() - start < 10
    generator = torch.Generator().manual_seed(0)
    for label in range(50):
        members = (labels == label).nonzero().flatten()
        drawn = members[torch.randperm(len(members), generator=generator)[: round(0.1 * len(members))]]
        assert members[taken[members]].tolist() == sorted(drawn.tolist())


def test_the_labels_of_thousands_of_classes_are_numbered_in_no_minute():
    classes = tuple(f"n{i:05}" for i in range(20_000))
    samples = ArraySamples("train", torch.zeros(20_000, 1, 1, 1, dtype=torch.uint8), torch.arange(20_000))
    start = time.process_time()
    found = labelled_samples(SplitListing(samples, classes, classes, "train"), classes)
    assert time.process_time() - start < 2
    assert torch.equal(found.labels, torch.arange(20_000))


def test_train_fraction_takes_a_share_of_the_training_images_alone():
    whole, part = load(DataConfig("digits")), load(DataConfig("digits", train_fraction=0.1))
    assert len(part.train) == 111
    assert part.train.labels.bincount().min() >= 10
    assert torch.equal(whole.test.images, part.test.images)
    assert torch.equal(whole.validation.images, part.validation.images)
    known = {image.numpy().tobytes() for image in whole.train.images}
    assert all(image.numpy().tobytes() in known for image in part.train.images)
    assert whole.fingerprint() != part.fingerprint()


def test_a_class_of_one_image_cannot_be_split():
    split = Split(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 0, 1]))
    with pytest.raises(DataError, match="class 1 has 1 training image"):
        stratified_split(split, 0.1, 0, "val")


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5])
def test_an_impossible_fraction_is_refused(fraction):
    with pytest.raises(UsageError, match="train_fraction"):
        load(DataConfig("digits", train_fraction=fraction))


def test_an_unknown_source_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean digits"):
        load(DataConfig("digit"))


def test_image_size_is_for_folders():
    with pytest.raises(UsageError, match="image_size"):
        load(DataConfig("digits", image_size=16))


def write_idx(folder: Path, name: str, array: np.ndarray, suffix: str) -> None:
    head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    content = head + array.astype(np.uint8).tobytes()
    (folder / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)


@pytest.fixture(params=["", ".gz"])
def fashion(tmp_path, request):
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        write_idx(tmp_path, f"{part}-images-idx3-ubyte", rng.integers(0, 255, (count, 28, 28)), request.param)
        write_idx(tmp_path, f"{part}-labels-idx1-ubyte", np.arange(count) % 10, request.param)
    return tmp_path


def test_fashion_mnist_from_a_folder(fashion):
    data = load(DataConfig("fashion-mnist", data_dir=str(fashion)))
    assert data.classes == CLASSES
    assert (len(data.train), len(data.validation), len(data.test)) == (50, 10, 20)
    assert data.size == (28, 28)


def test_a_truncated_idx_file_is_named(tmp_path):
    write_idx(tmp_path, "t10k-labels-idx1-ubyte", np.arange(20), "")
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="not a whole IDX file") as error:
        read_idx(tmp_path, path.name, 1)
    assert error.value.where == str(path)


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(b"0" * 1000)[:-12])
    with pytest.raises(DataError, match="cannot unpack") as error:
        read_idx(tmp_path, "t10k-labels-idx1-ubyte", 1)
    assert error.value.where == str(path)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_fashion_mnist_from_debians_package(tmp_path):
    data = load(DataConfig("fashion-mnist", data_dir=str(tmp_path)))
    assert len(data.train) + len(data.validation) == 60_000
    assert torch.equal(data.test.labels.bincount(), torch.full((10,), 1000))


def test_missing_fashion_mnist_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr("senet.data.sources.fashion_mnist.DEBIAN", tmp_path / "nowhere")
    with pytest.raises(DataError, match="--download"):
        load(DataConfig("fashion-mnist", data_dir=str(tmp_path)))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_missing_cifar_says_how_to_get_it(name, tmp_path):
    with pytest.raises(DataError, match="not here or not whole") as error:
        load(DataConfig(name, data_dir=str(tmp_path)))
    assert "--download" in error.value.do


def test_cifar10_with_another_checksum_is_refused_before_its_pickle_is_read(tmp_path):
    batches = tmp_path / CIFAR10.base_folder
    batches.mkdir()
    for name, _ in CIFAR10.train_list + CIFAR10.test_list:
        (batches / name).write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(DataError):
        load(DataConfig("cifar10", data_dir=str(tmp_path)))
    assert not (Path.cwd() / "owned").exists()


def test_cifar10_images_are_put_channels_first(tmp_path, monkeypatch):
    import pickle

    batches = tmp_path / CIFAR10.base_folder
    batches.mkdir()
    pixels = np.arange(20 * 3072).reshape(20, 3072).astype(np.uint8)
    for name, _ in CIFAR10.train_list + CIFAR10.test_list:
        content = {"data": pixels, "labels": [i % 10 for i in range(20)]}
        (batches / name).write_bytes(pickle.dumps(content))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"c{i}" for i in range(10)]}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *args: True)
    data = load(DataConfig("cifar10", data_dir=str(tmp_path)))
    assert data.classes[3] == "c3"
    assert torch.equal(data.test.images[7].flatten(), torch.from_numpy(pixels[7]))


def test_resolved_settings_have_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = resolved(DataConfig("folder:photos", data_dir="data"))
    assert settings.source == f"folder:{tmp_path / 'photos'}"
    assert settings.data_dir == str(tmp_path / "data")
