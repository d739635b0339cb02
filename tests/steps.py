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


def assert_near(found, expected):
    """Hold one step in float64 against another that may round otherwise."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, name
        else:
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)
