"""What single images show: those that drive a channel, gates over positions, and branches at several scales."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from senet.data.loader.samples import LabelledSamples
from senet.data.loader.stream_split import StreamSplit
from senet.data.sampling.rank_share import SINGLE_RANK
from senet.excitation.collect import numbered_batches
from senet.excitation.images.branches import branch_notes
from senet.excitation.images.grad_cam import add_activation_maps
from senet.excitation.images.maps import spatial_maps
from senet.excitation.images.preference import branch_preferences
from senet.excitation.images.thumbnails import make_thumbnails, missing_thumbnails_note
from senet.excitation.recording.gates import Kind
from senet.excitation.statistics.extremes import SAMPLE_SIZE, splitmix64
from senet.excitation.summary import Excitation
from senet.inference.classifier import Classifier

MAX_THUMBNAILS = 800
MAPS_PER_CLASS = 2
"""Images of each shown class whose maps are shown."""


def add_image_details(
    found: Excitation, classifier: Classifier, split: StreamSplit, outputs: Sequence[str]
) -> Excitation:
    """Read some of the images again, and add what they show.

    Args:
        found: Of all images.
        classifier: Model and input.
        split: The images, all of them.
        outputs: What the model's outputs are called.
    """
    return _mapped(_at_scales(_pictured(found, split), classifier, split), classifier, split, outputs)


def _pictured(found: Excitation, split: StreamSplit) -> Excitation:
    """Add pictures of the images that drive the most values."""
    named = (number for gate in found.gates for images in (*gate.most, *gate.least) for number in images)
    wanted = [number for number, _ in Counter(named).most_common()]
    shown = make_thumbnails(split.files.samples, wanted, MAX_THUMBNAILS)
    note = missing_thumbnails_note(wanted, shown)
    return replace(found, pictures=shown, notes=(*found.notes, *filter(None, [note])))


def _at_scales(found: Excitation, classifier: Classifier, split: StreamSplit) -> Excitation:
    """Add what branches are preferred at several scales, on a sample of the images."""
    names = [gate.name for gate in found.gates if gate.kind == Kind.BRANCHES.value]
    if not names:
        return found
    chosen = splitmix64(torch.arange(len(split.files))).argsort()[:SAMPLE_SIZE].sort().values
    images = [batch for batch, _, _ in numbered_batches(_only(split, chosen))]
    count = sum(map(len, images))
    note = f"preferences at several scales are of {count:,} images, the same for every model"
    notes = (*found.notes, *branch_notes(classifier.model, names), note)
    return replace(found, preferences=branch_preferences(classifier, images), notes=notes)


def _mapped(found: Excitation, classifier: Classifier, split: StreamSplit, outputs: Sequence[str]) -> Excitation:
    """Add maps of the first images of each shown class, where gates weigh positions."""
    if not any(gate.kind == Kind.POSITIONS.value for gate in found.gates):
        return found
    chosen = list(_first(found))
    batches = list(numbered_batches(_only(split, torch.tensor(chosen, dtype=torch.int64))))
    if not batches:
        return found
    images = torch.cat([batch for batch, _, _ in batches])
    numbers = [chosen[place] for _, _, places in batches for place in places.tolist()]
    maps, notes = add_activation_maps(spatial_maps(classifier, images, numbers), classifier, images, outputs)
    return replace(found, maps=maps, notes=(*found.notes, *notes))


def _first(found: Excitation) -> Iterator[int]:
    """Yield the numbers of the first images of each shown class."""
    shown = {group.name for group in found.groups[1:]}
    for number, group in enumerate(found.classes):
        if group.name in shown:
            yield from [image for image, label in enumerate(found.labels) if label == number][:MAPS_PER_CLASS]


def _only(split: StreamSplit, chosen: Tensor) -> StreamSplit:
    files: LabelledSamples = split.files.subset(chosen)
    return replace(split, files=files, loading=replace(split.loading, share=SINGLE_RANK))
