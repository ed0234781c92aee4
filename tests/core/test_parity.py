"""The main lesson's network beside PyTorch's: every loss of an epoch, and sixty epochs' curves."""

import itertools

import numpy as np
import pytest
import torch
from cases import slow_but
from strategies import same_bits

import tinynet as tn

BATCH = 32
WIDTHS = [784, 64, 32, 32, 10]
OPTIMIZERS = {
    "SGD": {"lr": 0.1},
    # At lr = 0.1 momentum makes the run chaotic: there PyTorch differs from itself by more than
    # 1e-11 if the rows of each batch come in another order.
    "SGD with Nesterov momentum": {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"lr": 0.001},
    "Adam": {"lr": 0.001},
}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    """18,000 digits to learn and 2,000 to test, scaled to 0..1, in float64."""
    images, labels = tn.datasets.mnist_small()
    X = images / 255.0
    return X[:18_000], labels[:18_000], X[18_000:], labels[18_000:]


def our_network(rng, dtype):
    layers = []
    for I, O in itertools.pairwise(WIDTHS):
        layers += [tn.Linear(I, O, rng=rng, dtype=dtype), tn.ReLU()]
    return tn.Sequential(*layers[:-1], tn.LogSoftmax())


def torch_network(dtype):
    layers = []
    for I, O in itertools.pairwise(WIDTHS):
        layers += [torch.nn.Linear(I, O, dtype=dtype), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1], torch.nn.LogSoftmax(dim=1))


def torch_losses(net, optimizer, loader):
    """The five verbs in PyTorch: the loss of every step, and the mean accuracy in percent."""
    loss_fn, losses, accuracies = torch.nn.NLLLoss(), [], []
    for xb, yb in loader:
        log_probs = net(torch.from_numpy(xb))
        loss = loss_fn(log_probs, torch.from_numpy(yb))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accuracies.append(100 * (log_probs.argmax(dim=1).numpy() == yb).mean())
    return losses, np.mean(accuracies)


def our_losses(net, optimizer, loader):
    loss_fn, losses = tn.NLLLoss(), []
    for xb, yb in loader:
        losses.append(loss_fn(net(xb), yb))
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
    return losses


@pytest.mark.parametrize("name", slow_but(1, OPTIMIZERS))
def test_each_loss_of_an_epoch_equals_pytorch_s(name, digits):
    X, y, *_ = digits
    net, torch_net = our_network(np.random.default_rng(0), np.float64), torch_network(torch.float64)
    torch_net.load_state_dict({key: torch.from_numpy(v) for key, v in net.state_dict().items()})
    options = OPTIMIZERS[name]
    class_name = name.split()[0]
    optimizer = getattr(tn, class_name)(net.parameters(), **options)
    torch_optimizer = getattr(torch.optim, class_name)(
        torch_net.parameters(), foreach=False, **options
    )
    batches = {"batch_size": BATCH, "shuffle": True, "drop_last": True, "rng": 1}
    ours = our_losses(net, optimizer, tn.DataLoader(X, y, **batches))
    theirs, _ = torch_losses(torch_net, torch_optimizer, tn.DataLoader(X, y, **batches))
    assert len(ours) == len(theirs) == 562
    assert theirs[0] == pytest.approx(np.log(10), abs=0.02)
    assert theirs[-1] < 1.0
    errors = np.abs(np.array(ours) - theirs) / np.abs(theirs)
    assert errors.max() <= 1e-12, (
        f"step {errors.argmax() + 1}: loss {ours[errors.argmax()]!r}, PyTorch's is "
        f"{theirs[errors.argmax()]!r}, {errors.max():.2g} apart"
    )


class TorchLoader:
    """PyTorch's own loader deals out row numbers, and these rows are the batch."""

    def __init__(self, X, y):
        self.X, self.y = X, y
        numbers = torch.utils.data.TensorDataset(torch.arange(len(X)))
        self.rows = torch.utils.data.DataLoader(
            numbers, batch_size=BATCH, shuffle=True, drop_last=True
        )

    def __iter__(self):
        for (rows,) in self.rows:
            yield self.X[rows.numpy()], self.y[rows.numpy()]


@pytest.mark.slow
def test_sixty_epochs_in_float32_follow_pytorch_s_curves(digits):
    """Two programs with one seed and no weight copied from one to the other."""
    X, y, X_test, y_test = digits
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)

    torch.manual_seed(0)
    torch_net = torch_network(torch.float32)
    torch_optimizer = torch.optim.SGD(torch_net.parameters(), lr=0.01)
    first_weights = torch_net[0].weight.detach().numpy().copy()
    torch_loader = TorchLoader(X, y)
    torch_train, torch_test = [], []
    for _ in range(60):
        torch_train.append(torch_losses(torch_net, torch_optimizer, torch_loader)[1])
        with torch.no_grad():
            answers = torch_net(torch.from_numpy(X_test)).argmax(dim=1).numpy()
        torch_test.append(100 * (answers == y_test).mean())

    rng = tn.TorchGenerator(0)
    net = our_network(rng, np.float32)
    assert same_bits(net.layers[0].W.data, first_weights.T)
    history = tn.fit(
        net,
        tn.NLLLoss(),
        tn.SGD(net.parameters(), lr=0.01),
        tn.DataLoader(X, y, batch_size=BATCH, shuffle=True, drop_last=True, rng=rng),
        test=(X_test, y_test),
        epochs=60,
        progress=False,
    )
    for ours, theirs in (
        (history.train_accuracy, torch_train),
        (history.test_accuracy, torch_test),
    ):
        apart = np.abs(np.array(ours) - theirs)
        assert apart[:20].max() <= 0.5
        assert apart[-1] <= 1.0
        assert theirs[-1] > 94
