"""A module of others' as a run: in its own words, with functions and methods, and what no layer does is named."""

import numpy as np
import pytest

import convlet as cl
from convlet.errors import EngineError, InputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

IMAGES = np.random.default_rng(0).random((8, 8, 10, 3), np.float32)


def drawn(module):
    """The module with other numbers than those that would hide a mistake, such as a mean of 0."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point() and tensor.numel() > 1:
                low, high = (0.5, 1.5) if "var" in name else (-0.6, 0.6)
                tensor.uniform_(low, high, generator=generator)
    return module


def compared(module, images=IMAGES, **options):
    """The run that a module becomes, which answers the same on these images."""
    run = cl.from_torch(drawn(module), images.shape[1:], engine="numpy", **options)
    with torch.no_grad():
        outputs = module.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    logits = run.program.predict(images)
    assert logits.shape == (len(images), outputs[0].size)
    assert np.abs(logits - outputs.reshape(logits.shape)).max() < 1e-5 * max(1, np.abs(outputs).max())
    return run


def kinds(run):
    return [type(placed.layer).__name__ for placed in run.network]


def headed(*modules):
    """These modules, and behind them a flattened image and two classes."""
    row = nn.Sequential(*modules).eval()
    size = row(torch.zeros(1, 3, 8, 10)).flatten(1).shape[1]
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(size, 2))


@pytest.mark.parametrize(
    "modules",
    [
        [nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), bias=False)],
        [nn.Conv2d(3, 4, (4, 3), padding="same")],
        [nn.Conv2d(3, 4, 3, padding="valid"), nn.ReLU()],
        [nn.Conv2d(3, 3, 3, groups=3, padding=1), nn.Conv2d(3, 5, 1), nn.SiLU()],
        [nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(3, 2, 3)],
        [nn.BatchNorm2d(3, eps=0.1, momentum=0.3), nn.Tanh()],
        [nn.BatchNorm2d(3, affine=False), nn.Sigmoid()],
        [nn.MaxPool2d(3, 2, padding=1)],
        [nn.MaxPool2d((3, 2), ceil_mode=True)],
        [nn.ConstantPad2d((2, 1, 0, 1), -float("inf")), nn.MaxPool2d(3, 2)],
        [nn.AvgPool2d(3, 2, padding=1)],
        [nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)],
        [nn.AvgPool2d(3, 2, ceil_mode=True)],
        [nn.AdaptiveAvgPool2d((4, 5))],
        [nn.AdaptiveAvgPool2d((8, None))],
        [nn.AdaptiveMaxPool2d((2, None))],
        [nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1)],
        [nn.AdaptiveMaxPool2d(1)],
        [nn.LeakyReLU(0.2), nn.LeakyReLU(), nn.PReLU(init=0.3)],
        [nn.ELU(), nn.ELU(0.5), nn.Hardtanh(-0.2, 0.4), nn.ReLU6()],
        [nn.Hardswish(), nn.Hardsigmoid(), nn.GELU(), nn.Softmax(dim=1)],
        [nn.Identity(), nn.Dropout(0.3), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(3, 2, 3)))],
        [nn.Flatten(), nn.BatchNorm1d(240), nn.Dropout(0.1), nn.Unflatten(1, (240, 1, 1))],
    ],
    ids=lambda modules: ", ".join(map(repr, modules)),
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # PyTorch's, of what it costs there
def test_modules_of_pytorch_are_computed_as_there(modules):
    compared(headed(*modules))


def test_a_row_of_modules_has_our_layers_with_their_names():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
            self.drop = nn.Dropout(0.25)
            self.classifier = nn.Linear(80, 2)

        def forward(self, images):
            return self.classifier(self.drop(torch.flatten(self.features(images), 1)))

    run = compared(Small(), classes=("cat", "dog"))
    assert run.classes == ("cat", "dog")
    assert kinds(run) == ["Conv2D", "MaxPooling2D", "Flatten", "Dropout", "Dense"]
    assert [run.network.layers[place].name for place in (0, 4)] == ["features_0", "classifier"]
    assert (run.network.layers[0].activation, run.network.layers[3].rate) == ("relu", 0.25)


class Block(nn.Module):
    """A residual block as torchvision has it, with functions, and a projection where it must."""

    def __init__(self, channels, filters, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.down = nn.Conv2d(channels, filters, 1, stride) if stride > 1 else None

    def forward(self, images):
        kept = images if self.down is None else self.down(images)
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(images)), inplace=True)))
        out += kept
        return F.relu(out)


def test_ways_that_part_and_meet_are_residual_blocks():
    run = compared(headed(Block(3, 3), Block(3, 6, 2)))
    blocks = [layer for layer in run.network.layers if isinstance(layer, cl.Residual)]
    assert [(len(block.layers), len(block.shortcut)) for block in blocks] == [(5, 0), (5, 1)]
    assert "0_conv1/kernel" in run.program.state().parameters


class Spoken(nn.Module):
    """Functions, methods, sizes, numbers and arrays of its own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.register_buffer("std", torch.ones(1, 3, 1, 1) * 2)
        self.kernel = nn.Parameter(torch.zeros(4, 3, 3, 3))
        self.last, self.bias = nn.Parameter(torch.zeros(2, 20)), nn.Parameter(torch.zeros(2))

    def forward(self, images, unused=None):
        x = (images.contiguous() - self.mean) / self.std
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), self.kernel)
        x = F.leaky_relu(F.max_pool2d(x, (2, 2)), 0.2) + torch.sigmoid(x[:0].mean()) if self.training else F.elu(x)
        x = F.avg_pool2d(F.dropout2d(x, 0.0, self.training).tanh(), 2).relu() * 1.5
        x = 1 - x.mean([2], keepdim=True) if self.training else -F.adaptive_avg_pool2d(x, (1, 5))
        x = F.dropout(x.view(x.size(0), -1), 0.2, self.training).reshape(x.shape[0], 20)
        return F.log_softmax(F.linear(x, self.last, self.bias), dim=1)


def test_functions_methods_and_sizes_are_followed():
    module = drawn(Spoken()).train()
    with pytest.warns(UserWarning, match=r"dropout2d\(…\), .* drops whole channels; Dropout\(0\) here drops numbers"):
        run = cl.from_torch(module, IMAGES.shape[1:], engine="numpy")
    assert module.training
    with torch.no_grad():
        outputs = module.eval()(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())).exp().numpy()
    assert np.abs(run.predict(IMAGES) - outputs).max() < 1e-6


def test_what_is_not_to_be_learnt_is_frozen_and_the_momentum_is_that_on_the_past():
    module = headed(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.BatchNorm2d(4, affine=False))
    module[0].requires_grad_(False)
    run = compared(module)
    conv, first, second = run.network.layers[:3]
    assert (conv.trainable, first.trainable, second.trainable) == (False, True, True)
    assert (first.momentum, first.scale, first.center, second.scale, second.center) == (0.7, True, True, False, False)


def test_a_module_is_left_as_it_was():
    module = headed(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train().double()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    run = cl.from_torch(module, (8, 10, 3), engine="numpy")
    assert module.training and all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert run.program.state().parameters["conv2d_1/kernel"].dtype == np.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_module_of_short_floats_is_taken_as_float32(dtype):
    module = headed(nn.Conv2d(3, 4, 3), nn.ReLU()).to(dtype)
    run = cl.from_torch(module, (8, 10, 3), engine="numpy")
    assert {array.dtype for array in run.program.state().parameters.values()} == {np.dtype(np.float32)}
    assert next(module.parameters()).dtype == dtype


def test_rows_of_numbers_and_a_module_alone_are_taken():
    run = cl.from_torch(nn.Linear(4, 3), (4,), engine="numpy")
    assert (run.network.input_shape, kinds(run)) == ((4,), ["Dense"])


def test_a_row_of_pixels_may_become_an_image_of_one_channel():
    module = nn.Sequential(nn.Unflatten(1, (1, 6, 8)), nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(72, 2))
    assert cl.from_torch(module, (48,), engine="numpy").network.input_shape == (6, 8, 1)


def test_a_module_is_trained_on():
    run = compared(headed(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)))
    data = IMAGES, np.arange(8) % 2
    further = cl.fit(run, data, steps=40, batch_size=8, optimizer=cl.Adam(0.01), engine="numpy", progress=False)
    assert further.history.losses[-1] < further.history.losses[0] / 2


class Chooses(nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


class Changes(nn.Module):
    """Its own input, beside what it gives."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(240, 2)

    def forward(self, images):
        x = images - 0.5
        return self.last((F.relu(x, inplace=True) + x).flatten(1))


class Given(nn.Module):
    """What a function makes of the images, which is none of ours."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


REFUSED = [
    (lambda: nn.Sequential(nn.Conv2d(3, 2, 3, dilation=2)), r"module '0' \(Conv2d\): dilation=\(2, 2\): expected 1"),
    (lambda: nn.Conv2d(3, 6, 3, groups=3), "group=3, a kernel for 1 channels, images of 3"),
    (lambda: nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"), "padding_mode='reflect': expected 'zeros'"),
    (lambda: nn.Conv2d(1, 2, 3), r"a kernel for 1 channels, images of 3"),
    (
        lambda: nn.Sequential(nn.Sequential(nn.Upsample(scale_factor=2))),
        r"module '0\.0' \(Upsample\): no layer of convlet",
    ),
    (lambda: nn.GELU("tanh"), r"\(GELU\): approximate='tanh': expected 'none'"),
    (lambda: nn.PReLU(3), "a slope of shape"),
    (lambda: nn.BatchNorm2d(3, track_running_stats=False), "track_running_stats=False: expected"),
    (lambda: nn.BatchNorm2d(3, momentum=None), "momentum=None: expected a number"),
    (lambda: nn.MaxPool2d(2, dilation=2), "dilation=2: expected False, and 1"),
    (lambda: nn.AvgPool2d(2, divisor_override=3), "divisor_override=3: expected None"),
    (lambda: nn.AdaptiveAvgPool2d(3), r"output_size=\(3, 3\) of images of \(8, 10\): expected windows"),
    (lambda: nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool2d(3)), r"given rows of numbers, \(240,\); expected images"),
    (lambda: nn.ConstantPad2d(1, 0.5), "expected zeros around an image"),
    (lambda: nn.Sequential(nn.ConstantPad2d(1, -float("inf")), nn.ReLU()), "pixels of -inf around images"),
    (lambda: nn.Flatten(0), "axis=0: expected 1"),
    (lambda: nn.Flatten(1, 2), "end_dim=2: expected -1"),
    (lambda: nn.Unflatten(2, (2, 4)), "dim=2: expected 1"),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(240, 1), nn.Sigmoid()), "it gives one number an image.* two units"),
    (lambda: nn.ReLU(), r"it gives \(3, 8, 10\) an image; expected one number a class"),
    (lambda: Given(lambda x: torch.cat([x, x], 1)), r"cat\(…\), 'cat' in its forward: no layer of convlet"),
    (lambda: Given(lambda x: (x, x)), "it gives a tuple; expected one tensor"),
    (lambda: Given(lambda x: x[:, :1]), r"getitem\(…\), .*the part .* expected one size of a shape"),
    (lambda: Given(lambda x: x.T), "its attribute 'T': expected 'shape'"),
    (lambda: Given(lambda x: x.mean()), "dim=None: expected"),
    (lambda: Given(lambda x: F.leaky_relu(x, x)), "its arguments depend on the images"),
    (lambda: Given(lambda x: F.pad(x, (1, 1))), r"pad=\(1, 1\), mode='constant': expected"),
    (lambda: Given(lambda x: torch.add(x, x, alpha=2)), r"add\(…\), .*TypeError"),
    (lambda: Given(lambda x: x.softmax(None)), "dim=None: expected 1"),
    (Chooses, "torch.fx cannot follow its forward: TraceError"),
    (lambda: nn.Linear(3, 2, device="meta"), "Linear: it cannot be copied: NotImplementedError"),
    (lambda: "model.pt", "module: str; expected a module of PyTorch's"),
]


@pytest.mark.parametrize("module, says", REFUSED, ids=[says for _, says in REFUSED])
def test_what_no_layer_does_is_named_with_its_module(module, says):
    with pytest.raises(InputError, match=says):
        cl.from_torch(module(), (8, 10, 3), engine="numpy")


def test_a_module_that_does_otherwise_than_its_parts_say_is_refused():
    """Of a change in place, nothing is seen but by comparing."""
    with pytest.raises(
        EngineError, match=r"Changes gives probabilities that differ by up to 0\.\d+ from the network's"
    ):
        cl.from_torch(drawn(Changes()), (8, 10, 3), engine="numpy")


def test_what_stands_between_two_modules_does_not_take_the_name_of_the_second():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.flat, self.last = nn.Flatten(), nn.Linear(240, 2)

        def forward(self, images):
            return self.last(self.flat(images * 2))

    run = compared(Scaled())
    assert [placed.name for placed in run.network] == ["rescaling_1", "flat", "last"]


class ChangesAmongMany(nn.Module):
    """A change in place; and so many classes that no probability is more than a thousandth."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(12, 8), nn.Linear(8, 1000)

    def forward(self, rows):
        found = self.first(rows)
        torch.relu_(found)
        return self.last(found) / 20


@pytest.mark.parametrize("ends", [[], [nn.Softmax(1)]])
def test_among_a_thousand_classes_it_is_refused_too(ends):
    with pytest.raises(EngineError, match=r"Sequential gives numbers that differ by up to \S+ of the largest"):
        cl.from_torch(nn.Sequential(drawn(ChangesAmongMany()), *ends), (12,), engine="numpy")


def test_a_softmax_among_images_is_no_end_of_a_network():
    with pytest.raises(InputError, match=r"\(Softmax\): axis=0 of \('N', 2\)"):
        cl.from_torch(nn.Sequential(headed(), nn.Softmax(0)), (8, 10, 3), engine="numpy")


def test_what_a_module_says_itself_of_images_is_told_with_its_name():
    module = headed()
    module[-1].register_forward_hook(lambda *_: {}["a hook"])
    with pytest.raises(InputError, match=r"Sequential: of images \(4, 3, 8, 10\) it says: KeyError: 'a hook'"):
        cl.from_torch(module, (8, 10, 3), engine="numpy")


@pytest.mark.parametrize(
    "shape, classes, says",
    [
        ((8, 10), None, r"input_shape=\(8, 10\): expected \(H, W, C\)"),
        ((8, 10, 0), None, "input_shape=0"),
        ((8, 10, 3), ["a"], r"classes=\['a'\]: expected 2 names"),
        ((8, 10, 3), "ab", "classes='ab': expected 2 names"),
        ((9, 10, 3), None, "module '1' .*a kernel of shape"),
    ],
)
def test_arguments_that_do_not_fit_are_named(shape, classes, says):
    with pytest.raises(InputError, match=says):
        cl.from_torch(headed(), shape, classes=classes, engine="numpy")


def test_a_shape_with_the_channels_first_is_asked_about():
    with pytest.raises(InputError, match=r"images of 10.* Or are the channels first\? input_shape has them last\."):
        cl.from_torch(headed(nn.Conv2d(3, 2, 3)), (3, 8, 10), engine="numpy")
