"""record(): values as computed otherwise, nothing left behind, nothing changed, nothing silent."""

import copy
import io
import pickle
import threading
import weakref

import pytest
import timm
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from tutorial_networks import Functional, Net, SELayer, SKAttention

from catalogue_of_blocks import GATES, SMALL_GATES, each, each_of
from senet import SE, SK, create, insert, places
from senet.attention import Effect, is_attention
from senet.errors import UsageError
from senet.excitation import Kind, record

UNITS = (SELayer, Functional, SKAttention)


def net(dropout=0.0):
    return Net(SELayer(), Functional(dropout=dropout), SKAttention())


def images(batch=2, size=6):
    return torch.randn(batch, 3, size, size)


def hooks(model):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


@each_of(GATES, SMALL_GATES)
@torch.no_grad()
def test_values_of_a_block_are_what_its_weights_are(spec):
    model = create("resnet8", attention=spec).eval()
    given = {}
    for name, module in model.named_modules():
        if is_attention(module) and not [m for m in module.modules() if m is not module and is_attention(m)]:
            call = "term" if module.effect is Effect.ADDS else "weights"
            setattr(module, call, keeping(getattr(module, call), given.setdefault(name, [])))
    with record(model) as recorded:
        model(images(3, 16))
    assert set(recorded.gates) == set(given)
    for name, gate in recorded.gates.items():
        weights = given[name][-1]
        expected = weights[:, 0] if gate.kind is Kind.POSITIONS else weights.flatten(2).mean(2)
        torch.testing.assert_close(gate.values, expected)


def keeping(function, seen):
    def call(x):
        out = function(x)
        seen.append(out)
        return out

    return call


@torch.no_grad()
def test_weights_for_every_position_are_averaged_whatever_the_size_of_the_image():
    model = create("resnet8", attention=SE(squeeze="none")).eval()
    block = model.stage2[0].attention
    with record(model) as recorded:
        for batch, size in ((2, 1), (3, 16), (1, 9)):
            seen = keeping(block.weights, kept := [])
            block.weights = seen
            model(images(batch, size))
            del block.weights
            torch.testing.assert_close(recorded.gates["stage2.0.attention"].values, kept[-1].flatten(2).mean(2))
    assert recorded.unread == 0


@torch.no_grad()
def test_branches_of_ours_sum_to_one():
    model = create("resnet8", attention=SK(groups=1)).eval()
    with record(model) as recorded:
        model(images(3, 16))
    for gate in recorded.gates.values():
        assert gate.values.shape[:2] == (3, 2)
        torch.testing.assert_close(gate.values.sum(1), torch.ones_like(gate.values[:, 0]))


class Broken(nn.Module):
    def __init__(self, unit, passes):
        super().__init__()
        self.unit, self.left = unit, passes

    def forward(self, x):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("broken")
        return self.unit(x)


def test_no_hook_is_left():
    model = net()
    model(images())
    with record(model):
        model(images())
        assert hooks(model) > 0
    assert hooks(model) == 0
    with pytest.raises(ZeroDivisionError), record(model):
        print(model(images()).numel() / 0)
    assert hooks(model) == 0


@pytest.mark.parametrize("passes", [0, 1, 2], ids=["while gates are found", "in the first pass", "in the second"])
@pytest.mark.parametrize("unit", UNITS)
def test_no_hook_is_left_by_an_error_in_the_model(unit, passes):
    model = Net(unit(), Broken(unit(), passes))
    with record(model):
        for _ in range(passes - 1):
            model(images())
        with pytest.raises((RuntimeError, UsageError), match="broken"):
            model(images())
    assert hooks(model) == 0
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


@pytest.mark.parametrize("unit", UNITS)
def test_an_interrupt_leaves_no_mode_and_the_recording_goes_on(unit):
    model = Net(unit())
    stop = [False]

    def interrupt(*_):
        if stop[0]:
            raise KeyboardInterrupt

    model.units[0].register_forward_pre_hook(lambda *_: None)
    next(m for m in model.units[0].modules() if isinstance(m, nn.Linear | nn.Conv2d)).register_forward_hook(interrupt)
    before = hooks(model)
    with record(model) as recorded:
        model(images())
        stop[0] = True
        with pytest.raises(KeyboardInterrupt):
            model(images())
        stop[0] = False
        model(images(5))
        assert {len(gate.values) for gate in recorded.gates.values()} == {5}
    assert hooks(model) == before
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_model_computes_the_same_bits_and_is_as_before(train, dropout):
    model = net(dropout).train(train)
    model.units[0].eval()
    twin = copy.deepcopy(model)
    x = images(4)

    def run(model):
        torch.manual_seed(3)
        out = [model(x), model(x)]
        sum(o.square().mean() for o in out).backward()
        return [*out, *(p.grad for p in model.parameters()), *model.buffers(), torch.get_rng_state()]

    modes = [module.training for module in model.modules()]
    plain = run(twin)
    with record(model) as recorded:
        found = run(model)
    assert all(torch.equal(a, b) for a, b in zip(plain, found, strict=True))
    assert [module.training for module in model.modules()] == modes
    assert {gate.runs for gate in recorded.gates.values()} == {2}
    assert not any(gate.values.requires_grad for gate in recorded.gates.values())


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_gates_that_no_module_returns_are_the_same_ones_in_training(dropout):
    unit = Functional(dropout=dropout)
    model = Net(unit).train()
    with record(model) as recorded:
        for _ in range(3):
            model(images(4))
            assert torch.equal(recorded.gates["units.0"].values, unit.gate_values[..., 0, 0])
    assert recorded.slow == ("units.0",)
    assert recorded.unread == 0


def test_drop_path_and_batch_norms_of_timm_in_training():
    model = timm.models.ConvNeXt(depths=(1, 2, 1, 1), dims=(8, 16, 32, 64), use_grn=True, ls_init_value=None)
    for block in [m for m in model.modules() if hasattr(m, "drop_path")]:
        block.drop_path = timm.layers.DropPath(0.5)
    seen = []
    with record(model.train()) as recorded:
        model(torch.randn(4, 3, 64, 64))
        trained = {name: gate.values for name, gate in recorded.gates.items()}
        assert recorded.unread == 0
    assert len(trained) == 5
    assert all(value is not None for value in trained.values()), seen


class Own(nn.Module):
    """The model's own forward weighs the map."""

    def __init__(self):
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        y = self.stem(x)
        self.kept = torch.sigmoid(self.fc(y.mean((2, 3), keepdim=True)))
        return y * self.kept


def test_a_model_that_weighs_in_its_own_forward_is_read_from_the_first_pass_on():
    model = Own()
    with record(model) as recorded:
        for _ in range(2):
            model(images())
            assert torch.equal(recorded.gates["Own"].values, model.kept.flatten(1))
    assert (recorded.slow, recorded.unread) == (("Own",), 0)


class Again(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return checkpoint(self.net, x, use_reentrant=False)


def test_what_a_backward_pass_runs_again_is_no_pass():
    model = Again().train()
    with record(model) as recorded:
        model(images(3)).sum().backward()
    assert [(len(gate.values), gate.runs) for gate in recorded.gates.values()] == [(3, 1)] * 3
    assert recorded.unread == 0


def test_an_earlier_graph_can_still_be_differentiated():
    model = net().eval()
    out = model(images())
    with record(model):
        model(images())
    out.sum().backward()


def test_autocast_and_inference_mode():
    for unit in UNITS:
        model = Net(unit()).eval()
        with record(model) as recorded:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                model(images())
            (low,) = [gate.values for gate in recorded.gates.values()]
            assert low.dtype == torch.float32
            with torch.no_grad():
                model(images())
        assert recorded.unread == 0
    model = net().double().eval()
    with torch.no_grad(), record(model) as recorded:
        model(images().double())
    assert {gate.values.dtype for gate in recorded.gates.values()} == {torch.float32}


def test_recordings_of_one_model_within_one_another():
    act = nn.Sigmoid()
    model = Net(SELayer(act=act), Functional(), SELayer(act=act)).eval()
    x = images(3)
    with torch.no_grad(), record(model) as outer:
        model(images())
        with record(model) as inner:
            model(x)
            for name, gate in inner.gates.items():
                assert torch.equal(gate.values, outer.gates[name].values)
        assert [gate.runs for gate in outer.gates.values()] == [2, 2, 2]
        model(images(5))
    assert {len(gate.values) for gate in outer.gates.values()} == {5}
    assert {len(gate.values) for gate in inner.gates.values()} == {3}
    assert hooks(model) == 0


def test_a_model_that_is_copied_or_saved_in_between():
    model = net().eval()
    x = images(3)
    with torch.no_grad(), record(model) as recorded:
        expected = model(x)
        kept = recorded.gates["units.0"].values
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        copies = copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(file, weights_only=False)
        for twin in copies:
            assert torch.equal(twin(x), expected)
        assert recorded.gates["units.0"].values is kept
        assert recorded.gates["units.0"].runs == 1
    for twin in copies:
        with torch.no_grad(), record(twin) as again:
            twin(x)
        assert list(again.gates) == list(recorded.gates)


def test_threads_with_a_model_each():
    models, found = [net().eval() for _ in range(3)], {}

    def work(n):
        with torch.no_grad(), record(models[n]) as recorded:
            for _ in range(5):
                models[n](images(n + 1))
        found[n] = {len(gate.values) for gate in recorded.gates.values()}

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: {1}, 1: {2}, 2: {3}}
    assert sum(map(hooks, models)) == 0


def test_one_model_in_several_threads_at_once_is_refused():
    model, errors = net().eval(), []

    def other():
        try:
            model(images())
        except UsageError as error:
            errors.append(error)

    def start(*_):
        if not started:
            started.append(threading.Thread(target=other))
            started[0].start()
            started[0].join()

    with torch.no_grad(), record(model) as recorded:
        model(images())
        started = []
        model.fc.register_forward_hook(start)
        model(images(4))
    assert "several threads at once" in str(errors[0])
    assert {len(gate.values) for gate in recorded.gates.values()} == {4}


def test_row_83_memory_does_not_grow():
    model, values = net().eval(), []
    with torch.no_grad(), record(model) as recorded:
        for _ in range(3):
            model(images())
            assert [value() for value in values] == [None] * len(values)
            values += [weakref.ref(gate.values) for gate in recorded.gates.values()]
    assert len(values) == 9


@pytest.mark.filterwarnings("ignore")
def test_row_83_compiled_models_are_refused_with_what_to_do():
    model = net().eval()
    whole = torch.compile(model, backend="eager")
    refused(whole, "record model._orig_mod, which has the same weights")
    with torch.no_grad(), record(whole._orig_mod) as recorded:
        whole._orig_mod(images())
    assert len(recorded.gates) == 3
    model.units[1] = torch.compile(model.units[1], backend="eager")
    do = "take it out first: model.set_submodule('units.1', model.get_submodule('units.1')._orig_mod)"
    refused(model, do, "units.1")
    eval(do.partition(": ")[2], {"model": model})
    with torch.no_grad(), record(model) as recorded:
        model(images())
    assert len(recorded.gates) == 3
    model.units[2].compile(backend="eager")
    refused(model, "record before compile(), or build the model again and load its weights", "units.2")
    again = net()
    again.load_state_dict(model.state_dict())
    with torch.no_grad(), record(again) as recorded:
        again(images())
    assert len(recorded.gates) == 3


def refused(model, do, where=""):
    before = hooks(model)
    with pytest.raises(UsageError) as error, record(model):
        pytest.fail("it was recorded")
    assert (error.value.do, error.value.where or "") == (do, where)
    assert hooks(model) == before


@pytest.mark.filterwarnings("ignore:`torch.jit.* is deprecated:FutureWarning")
def test_copies_on_devices_and_torchscript_are_refused_with_what_to_do():
    model = net().eval()
    refused(nn.DataParallel(model), "record model.module, which has the same weights")
    model.units[0] = nn.DataParallel(model.units[0])
    do = "take it out first: model.set_submodule('units.0', model.get_submodule('units.0').module)"
    refused(model, do, "units.0")
    refused(torch.jit.trace(net().eval(), images()), "record the model that it was made from")


def test_methods_in_place_of_the_model_with_an_example():
    act = nn.Sigmoid()
    model = Net(SELayer(act=act), Functional(), SELayer(act=act)).eval()
    with torch.no_grad(), record(model, example=(1, 3, 6, 6)) as recorded:
        assert len(recorded.gates) == 3
        for batch in (2, 3):
            model.units(model.stem(images(batch)))
            for name in ("units.0", "units.1", "units.2"):
                values = model.get_submodule(name).gate_values.flatten(1)
                assert torch.equal(recorded.gates[name].values, values)
        model.units[0](model.stem(images(4)))  # a part of a pass
        assert [gate.values is None for gate in recorded.gates.values()] == [False, True, True]
        model.units(model.stem(images(5)))
        assert torch.equal(recorded.gates["units.2"].values, model.units[2].gate_values.flatten(1))
        model(images(6))
        assert {len(gate.values) for gate in recorded.gates.values()} == {6}
    assert recorded.unread == 0


def test_features_of_timm():
    model = timm.create_model("mobilenetv3_small_050").eval()
    with torch.no_grad(), record(model, example=(1, 3, 64, 64)) as recorded:
        for _ in range(2):
            model.forward_features(torch.randn(3, 3, 64, 64))
    assert len(recorded.gates) == 9
    assert {(len(gate.values), gate.runs) for gate in recorded.gates.values()} == {(3, 2)}


class Several(nn.Module):
    """Takes a mask of its own shape first, and an image by keyword."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, scale, *, image):
        return self.net(image * scale.view(-1, 1, 1, 1))


def test_several_inputs_and_keywords():
    model = Several().eval()
    with torch.no_grad(), record(model) as recorded:
        model(torch.ones(3), image=images(3))
        model(scale=torch.ones(2), image=images(2))
    assert {len(gate.values) for gate in recorded.gates.values()} == {2}
    with torch.no_grad(), record(model, example={"scale": torch.ones(2), "image": images(2)}) as recorded:
        assert list(recorded.gates) == ["net.units.0", "net.units.1", "net.units.2"]


class Often(nn.Module):
    def __init__(self, unit):
        super().__init__()
        self.unit, self.times, self.other = unit, 1, SE(reduction=4)(8)

    def forward(self, x):
        for _ in range(self.times):
            x = self.unit(x)
        return x


@pytest.mark.parametrize("unit", UNITS)
def test_what_runs_less_or_more_often_than_in_the_first_pass_is_said(unit):
    model = Net(Often(unit())).eval()
    with torch.no_grad(), record(model) as recorded:
        model(images())
        assert (recorded.silent, recorded.unread) == (("units.0.other",), 0)
        model.units[0].times = 3
        model(images())
        assert recorded.unread == 2
        model.units[0].times = 0
        model(images())
        assert recorded.unread == 2
    assert [(gate.values, gate.runs) for gate in recorded.gates.values()] == [(None, 2)]


class Changing(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.way = nn.Conv2d(8, 8, 1), 0

    def forward(self, x):
        g = torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True)))
        return x * g if self.way == 0 else x


def test_a_gate_that_goes_another_way_is_said_and_not_read():
    model = Net(Changing())
    with torch.no_grad(), record(model.eval()) as recorded:
        model(images())
        for way, unread in ((1, 1), (0, 1)):
            model.units[0].way = way
            model(images())
            assert recorded.unread == unread
            assert (recorded.gates["units.0"].values is None) == (way == 1)


class Contract(nn.Module):
    """A user's block; its gate is a child of two names, or of two blocks."""

    effect = Effect.MULTIPLIES

    def __init__(self, gate=None):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(8, 8), gate or nn.Sigmoid())
        self.gate = self.fc[-1]

    def weights(self, x):
        return self.fc(x.mean((2, 3)))[..., None, None]

    def forward(self, x):
        return x * self.weights(x)


def test_gates_of_blocks_under_another_name_and_of_several_blocks():
    act = nn.Sigmoid()
    model = Net(Contract(), Contract(act), Contract(act)).eval()
    with torch.no_grad(), record(model) as recorded:
        model(x := images())
    assert list(recorded.gates) == ["units.0", "units.1", "units.2"]
    assert recorded.silent == ()
    with torch.no_grad():
        weights = model.units[2].weights(model.units[:2](model.stem(x)))
    torch.testing.assert_close(recorded.gates["units.2"].values, weights.flatten(1))


@each(SMALL_GATES)
def test_inserted_blocks_in_training_with_gradients(spec):
    torch.manual_seed(0)
    model = insert(net(), spec, where="units.[012]", example=(2, 3, 6, 6), init="paper", again=True).train()
    with record(model) as recorded:
        model(images(4)).square().sum().backward()
    assert len(recorded.gates) > 3
    assert (recorded.silent, recorded.unread) == ((), 0)
    assert all(len(gate.values) == 4 for gate in recorded.gates.values())


def test_a_users_hooks_see_the_passes_that_they_see_and_their_changes_are_read():
    model = net().eval()
    model.units[0].fc[-1].register_forward_hook(lambda module, args, out: 0.25 * out)
    with torch.no_grad(), record(model) as recorded:
        model(images())
    assert torch.equal(recorded.gates["units.0"].values, model.units[0].gate_values.flatten(1))
    assert recorded.gates["units.0"].values.max() < 0.25
    assert hooks(model) == 1


@pytest.mark.parametrize("make", [lambda: create("se_resnet8"), lambda: insert(create("resnet8"), SK(groups=1))])
def test_in_inference_mode_the_same_gates_are_found_and_read(make):
    model, x = make().eval(), torch.rand(2, 3, 32, 32)
    read = {}
    for mode in (torch.no_grad, torch.inference_mode):
        with mode(), record(model) as recorded:
            model(x.clone())
        read[mode] = recorded.gates
    assert list(read[torch.no_grad]) == list(read[torch.inference_mode])
    for name, gate in read[torch.no_grad].items():
        assert gate.bounds == read[torch.inference_mode][name].bounds == (0, 1)
        torch.testing.assert_close(gate.values, read[torch.inference_mode][name].values)


def test_in_inference_mode_gates_of_all_kinds_are_read_as_without():
    model, x, read = net().eval(), images(), {}
    for mode in (torch.no_grad, torch.inference_mode):
        with mode(), record(model) as recorded:
            model(x.clone())
        read[mode] = [(name, gate.kind, gate.slow, gate.values.tolist()) for name, gate in recorded.gates.items()]
    assert read[torch.no_grad] == read[torch.inference_mode]
    assert {slow for _, _, slow, _ in read[torch.no_grad]} == {True, False}


def test_places_are_the_same_in_inference_mode():
    with torch.inference_mode():
        inside = places(create("resnet8"), (1, 3, 32, 32))
    assert [place.name for place in inside] == [place.name for place in places(create("resnet8"), (1, 3, 32, 32))]
