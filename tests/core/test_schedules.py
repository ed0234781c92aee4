"""Schedules: their formulas, what fit makes of them, and what they refuse."""

import math

import numpy as np
import pytest
from by_hand import learned, network, rows

import tinynet as tn

torch_schedules = {
    "StepLR": (
        tn.StepLR(3, gamma=0.5),
        lambda torch, optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.5),
    ),
    "CosineLR": (
        tn.CosineLR(10, lr_min=0.02),
        lambda torch, optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10, 0.02),
    ),
}


@pytest.mark.parametrize("name", torch_schedules)
def test_equals_pytorch_s(name):
    torch = pytest.importorskip("torch")
    schedule, make = torch_schedules[name]
    weight = torch.nn.Parameter(torch.zeros(1))
    theirs = torch.optim.SGD([weight], lr=0.3)
    scheduler = make(torch, theirs)
    schedule.begin(tn.SGD(network().parameters(), lr=0.3))
    for epoch in range(11):
        assert schedule.lr(epoch) == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)
        theirs.step()
        scheduler.step()


def test_the_formulas():
    steps = tn.StepLR(2, gamma=0.5)
    assert [steps.at(epoch, 0.8) for epoch in range(6)] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    cosine = tn.CosineLR(4, lr_min=0.1)
    expected = [0.1 + 0.4 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)] + [0.1, 0.1]
    assert [cosine.at(epoch, 0.5) for epoch in range(6)] == pytest.approx(expected, rel=1e-15)
    assert cosine.at(99, 0.5) == 0.1
    assert tn.CosineLR(4).at(4, 0.5) == 0


def parts(lr=0.2):
    net = network()
    loader = tn.DataLoader(*rows(43), batch_size=8, shuffle=True, rng=5)
    return net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=lr, momentum=0.9), loader


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("schedule", [tn.StepLR(2, gamma=0.3), tn.CosineLR(5, lr_min=0.01)])
def test_a_run_equals_one_whose_learning_rate_is_set_by_hand(schedule, compiled):
    net, loss_fn, optimizer, loader = parts()
    options = {"progress": False, "compiled": compiled}
    history = tn.fit(net, loss_fn, optimizer, loader, epochs=5, schedule=schedule, **options)
    twin, loss_fn, twin_optimizer, loader = parts()
    losses = []
    for epoch in range(5):
        twin_optimizer.lr = schedule.at(epoch, 0.2)
        losses += tn.fit(twin, loss_fn, twin_optimizer, loader, **options).train_loss
    assert history.train_loss == losses
    assert learned(net, optimizer) == learned(twin, twin_optimizer)
    assert optimizer.lr == schedule.at(4, 0.2) < 0.2
    constant, loss_fn, constant_optimizer, loader = parts()
    tn.fit(constant, loss_fn, constant_optimizer, loader, epochs=5, **options)
    assert learned(constant, constant_optimizer) != learned(net, optimizer)


def test_a_second_run_starts_from_the_learning_rate_it_finds():
    schedule = tn.StepLR(1, gamma=0.5)
    net, loss_fn, optimizer, loader = parts(0.2)
    for start in (0.2, 0.08):
        optimizer.lr = start
        tn.fit(net, loss_fn, optimizer, loader, epochs=2, progress=False, schedule=schedule)
        assert schedule.start_lr == start
        assert optimizer.lr == start / 2


class Warmup(tn.Schedule):
    """One's own: small steps at first."""

    def __init__(self, epochs):
        self.epochs = epochs

    def at(self, epoch, start_lr):
        return start_lr * min(1.0, (epoch + 1) / self.epochs)


def test_a_schedule_of_one_s_own():
    net, loss_fn, optimizer, loader = parts()
    schedule = Warmup(4)
    assert repr(schedule) == "Warmup(epochs=4)"
    tn.fit(net, loss_fn, optimizer, loader, epochs=3, progress=False, schedule=schedule)
    assert optimizer.lr == 0.2 * 3 / 4
    assert repr(schedule) == "Warmup(epochs=4)"


def test_repr_makes_an_equal_one():
    for schedule in (tn.StepLR(3, gamma=0.25), tn.CosineLR(9, lr_min=1e-5)):
        made = eval(repr(schedule), {"StepLR": tn.StepLR, "CosineLR": tn.CosineLR})
        assert vars(made) == vars(schedule)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tn.StepLR(0), ValueError, "StepLR: step_size = 0, expected an int of at least 1"),
        (lambda: tn.StepLR(1.5), ValueError, "step_size = 1.5"),
        (lambda: tn.StepLR(2, gamma=1.5), ValueError, r"StepLR: gamma = 1.5 is outside \[0, 1\]"),
        (lambda: tn.StepLR(2, gamma="0.1"), TypeError, "gamma = '0.1' is not a number"),
        (lambda: tn.CosineLR(0), ValueError, "CosineLR: epochs = 0"),
        (lambda: tn.CosineLR(5, lr_min=-1), ValueError, "CosineLR: lr_min = -1"),
        (lambda: tn.CosineLR(5, lr_min=np.nan), ValueError, "lr_min = nan"),
        (lambda: tn.StepLR(2).lr(0), RuntimeError, r"no start_lr; call its begin\(optimizer\)"),
        (lambda: tn.Schedule().at(0, 0.1), NotImplementedError, "Schedule must define at"),
    ],
)
def test_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_fit_refuses_what_is_no_schedule_or_gives_no_learning_rate():
    net, loss_fn, optimizer, loader = parts()
    before = learned(net, optimizer)
    with pytest.raises(TypeError, match=r"fit: schedule is float, .*tn\.CosineLR\(epochs\)"):
        tn.fit(net, loss_fn, optimizer, loader, schedule=0.1)

    class Stray(tn.Schedule):
        def at(self, epoch, start_lr):
            return math.nan

    with pytest.raises(ValueError, match=r"Stray\(\): lr of epoch 1 = nan"):
        tn.fit(net, loss_fn, optimizer, loader, progress=False, schedule=Stray())
    assert learned(net, optimizer) == before
