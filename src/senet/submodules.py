"""Names of a model's modules and tensors."""

from collections.abc import Collection


def within(name: str, modules: Collection[str]) -> bool:
    """Whether a tensor or module is one of these modules or lies in one of them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)
