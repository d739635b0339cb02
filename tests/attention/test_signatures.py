# A misspelt argument is an error: nothing public swallows keywords.

import inspect

import pytest

import senet.attention
import senet.networks


def routines(package):
    for member in (getattr(package, name) for name in package.__all__):
        owned = [m for _, m in inspect.getmembers(member)] if inspect.isclass(member) else [member]
        yield from (
            m for m in owned if inspect.isroutine(m) and (getattr(m, "__module__", None) or "").startswith("senet")
        )


@pytest.mark.parametrize("package", [senet.attention, senet.networks], ids=lambda package: package.__name__)
def test_nothing_public_takes_arbitrary_keywords(package):
    public = list(routines(package))
    assert len(public) > 5
    for routine in public:
        kinds = {parameter.kind for parameter in inspect.signature(routine).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, routine.__qualname__
