import pytest
import torch
import torchvision
from torch import nn

from senet.errors import UsageError
from senet.training.setup.batch_checks import require_model_fits_data
from toy import toy_network


def test_a_network_that_fits_is_left_as_it_was():
    model = toy_network()
    before, generator = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    require_model_fits_data(model, (1, 8, 8), 3)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize(
    ("image", "classes", "said"),
    [((3, 8, 8), 3, "does not take images of 3x8x8"), ((1, 8, 8), 4, r"is \(2, 3\), but the data has 4 classes")],
)
def test_another_number_of_channels_or_classes_is_named(image, classes, said):
    with pytest.raises(UsageError, match=said):
        require_model_fits_data(toy_network(), image, classes)


def test_auxiliary_outputs_are_named():
    model = torchvision.models.googlenet(weights=None, init_weights=False, num_classes=5)
    with pytest.raises(UsageError, match="returns a GoogLeNetOutputs, not logits"):
        require_model_fits_data(model, (3, 64, 64), 5)


def test_a_network_of_one_output_less_is_refused_whatever_it_raises():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            raise KeyError("lost")

    with pytest.raises(UsageError, match="lost"):
        require_model_fits_data(Broken(), (1, 8, 8), 2)
