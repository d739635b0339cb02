"""One step of a module, whole: to hold a traced graph against the module that it was traced from."""

import copy

import torch


def step(module, x):
    """Run a copy forward and backward under one seed; return output, gradients and state by name."""
    module, x = copy.deepcopy(module), x.clone().requires_grad_()
    torch.manual_seed(1)
    y = module(x)
    y.square().sum().backward()
    gradients = {f"gradient of {name}": parameter.grad for name, parameter in module.named_parameters()}
    return {"output": y, "gradient": x.grad, **gradients, **module.state_dict()}


def assert_same(found, expected):
    """Hold one step against another, bit by bit; a gradient that is None in one is None in the other."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value is found[name] is None or torch.equal(found[name], value), name
