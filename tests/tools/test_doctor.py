"""The doctor: every illness is found in two patients, the healthy are left in peace.

The first patient of each illness was there when the threshold was set; the second was written
afterwards, of another make and mostly on other data.
"""

import copy
import itertools
import re

import numpy as np
import pytest
from by_hand import learned, network, rows
from cases import slow_but
from strategies import fingerprint

import tinynet as tn
from tinynet.rng import generator_state

DIGITS = tn.datasets.mnist_small()
PIXELS, LABELS = tn.data.minmax_scale(DIGITS.images), DIGITS.labels


def digits(n, seed=0):
    """So many digits to learn from, and 1000 others."""
    order = np.random.default_rng(seed).permutation(20_000)
    train, test = order[:n], order[-1000:]
    return (PIXELS[train], LABELS[train]), (PIXELS[test], LABELS[test])


def layers(*sizes, last=tn.LogSoftmax, seed=0, times=1.0):
    rng = np.random.default_rng(seed)
    parts = []
    for i, o in itertools.pairwise(sizes):
        parts += [tn.Linear(i, o, rng=rng), tn.ReLU()]
    net = tn.Sequential(*parts[:-1], *([last()] if last else []))
    for parameter in net.parameters():
        parameter.data *= times
    return net


def adam(net, lr=1e-3):
    return tn.Adam(net.parameters(), lr)


def sgd(net, lr=0.1):
    return tn.SGD(net.parameters(), lr)


def examine(net, optimizer, data, test=None, epochs=0, loss_fn=None, **options):
    """Train for some epochs, and then ask the doctor."""
    loss_fn, history = loss_fn or tn.NLLLoss(), tn.History()
    loader = tn.DataLoader(*data, batch_size=32, shuffle=True, rng=0)
    if epochs:
        options = {"test": test, "epochs": epochs, "progress": False, **options}
        history = tn.fit(net, loss_fn, optimizer, loader, **options)
    return tn.diagnose(history, net, loader, test, loss_fn, optimizer)


MAIN = (784, 64, 32, 32, 10)


def raw_pixels():
    (X, y), (X_test, y_test) = digits(600)
    net = layers(*MAIN)
    return examine(net, sgd(net, 0.01), (X * 255, y), (X_test * np.float32(255), y_test), 1)


def one_large_feature():
    X, y = rows(200)
    X[:, 3] = np.linspace(900, 2500, 200)  # say, a price among shares
    net = network()
    return examine(net, adam(net), (X, y), loss_fn=tn.CrossEntropyLoss())


def only_test_set_raw():
    train, (X_test, y_test) = digits(600)
    net = layers(*MAIN)
    return examine(net, adam(net), train, (X_test * np.float32(255), y_test), 1)


def only_training_set_standardised():
    (X, y), test = digits(300)
    X = (X - X.mean()) / X.std()
    net = layers(784, 10)
    return examine(net, sgd(net), (X, y), test, loss_fn=tn.NLLLoss(reduction="sum"))


def too_deep():
    train, _ = digits(600)
    net = layers(784, *[32] * 10, 10)
    return examine(net, sgd(net, 0.01), train, epochs=3)


def labels_of_other_rows():
    (X, y), _ = digits(2000)
    net = layers(784, 10, last=None)
    loss_fn = tn.CrossEntropyLoss()
    return examine(net, sgd(net, 0.003), (X, y[::-1].copy()), epochs=4, loss_fn=loss_fn)


def killed_by_large_steps():
    train, _ = digits(1000)
    net = layers(*MAIN)
    return examine(net, adam(net, 0.1), train, epochs=2)


def killed_by_biases():
    net = layers(12, 40, 9, 4)
    net.layers[2].b.data[:7] = -50
    return examine(net, adam(net), rows(100), epochs=1)


def steps_of_giants():
    net = layers(*MAIN)
    return examine(net, adam(net, 0.1), digits(600)[0])


def steps_that_grow():
    net = layers(12, 9, 4, last=None)
    return examine(net, sgd(net, 60.0), rows(100), loss_fn=tn.CrossEntropyLoss())


def steps_of_dwarfs():
    net = layers(*MAIN)
    return examine(net, sgd(net, 1e-6), digits(600)[0], epochs=1)


def a_learning_rate_of_others():
    net = network(last=None)
    optimizer = tn.AdamW(net.parameters(), lr=1e-8, weight_decay=0)
    return examine(net, optimizer, rows(100), epochs=2, loss_fn=tn.CrossEntropyLoss())


def small_first_weights():
    net = layers(12, 20, 20, 20, 4, times=0.05)
    return examine(net, adam(net), rows(100))


def large_first_weights():
    net = layers(784, *[32] * 8, 10, times=12)
    return examine(net, sgd(net, 1e-9), digits(600)[0])


def weights_of_size_one():
    net = layers(12, *[60] * 6, 4, last=None)
    for layer in net.layers[::2]:
        layer.W.data[...] = np.random.default_rng(1).standard_normal(layer.W.data.shape)
    return examine(net, sgd(net, 1e-9), rows(100), loss_fn=tn.CrossEntropyLoss())


def digits_with_wrong_labels():
    (X, y), test = digits(800)
    y = np.where(np.arange(800) % 5 == 0, (y + 1) % 10, y)  # a fifth can only be learned by heart
    net = layers(*MAIN)
    return examine(net, adam(net, 3e-3), (X, y), test, 30)


def nothing_to_learn_but_the_rows():
    (X, y), validation = rows(60), rows(60, seed=1)
    y = np.random.default_rng(0).permutation(y)
    net = layers(12, 80, 4, last=None)
    loss_fn = tn.CrossEntropyLoss()
    return examine(net, adam(net, 0.01), (X, y), None, 80, loss_fn, validation=validation)


def without_sevens():
    (X, y), test = digits(1500)
    net = layers(784, 32, 10)
    return examine(net, adam(net, 5e-3), (X[y != 7], y[y != 7]), test, 5)


def a_class_without_weight():
    net = layers(12, 16, 4)
    loss_fn = tn.NLLLoss(weight=[1, 0, 1, 1])
    return examine(net, adam(net, 0.01), rows(400), None, 30, loss_fn)


def softmax_at_the_end():
    train, test = digits(600)
    net = layers(*MAIN, last=tn.Softmax)
    return examine(net, sgd(net, 0.01), train, test, 1)


class Share(tn.Module):
    """Probabilities of one's own making: no Softmax to be seen."""

    def forward(self, x):
        x = np.exp(np.minimum(x, 5))
        self.keep(x)
        return x / x.sum(axis=1, keepdims=True)

    def backward(self, dy):
        dy, x = self.kept(dy)
        y = x / x.sum(axis=1, keepdims=True)
        return (y * (dy - (dy * y).sum(axis=1, keepdims=True))).astype(x.dtype)


def probabilities_of_one_s_own():
    net = layers(12, 4, last=Share)
    return examine(net, adam(net), rows(100))


def softmax_twice():
    net = layers(12, 9, 4, last=tn.Softmax)
    return examine(net, adam(net), rows(100), epochs=1, loss_fn=tn.CrossEntropyLoss())


def softmax_of_digits_twice():
    net = layers(784, 10, last=tn.Softmax)
    return examine(net, sgd(net), digits(300)[0], loss_fn=tn.CrossEntropyLoss())


def no_last_layer():
    net = layers(*MAIN, last=None)
    return examine(net, adam(net), digits(600)[0], epochs=1)


def relu_at_the_end():
    net = layers(12, 9, 4, last=tn.ReLU)
    return examine(net, sgd(net), rows(100))


LESSON = (784, 32, 10)


def all_weights_0():
    net = layers(*LESSON, times=0)
    return examine(net, sgd(net), *digits(3000), 6)


def one_layer_of_equal_weights():
    net = layers(12, 16, 9, 4)
    net.layers[2].W.data[...] = 0.3
    return examine(net, adam(net), rows(100))


def transposed(X):
    return np.ascontiguousarray(X.reshape(-1, 28, 28).transpose(0, 2, 1)).reshape(X.shape)


def pictures_transposed():
    train, (X_test, y_test) = digits(3000)
    net = layers(*LESSON)
    return examine(net, sgd(net), train, (transposed(X_test), y_test), 6)


def validation_labels_of_other_rows():
    train, (X, y) = digits(2000, seed=5)
    net = layers(784, 40, 10, last=None)
    options = {"loss_fn": tn.CrossEntropyLoss(), "validation": (X, np.roll(y, 1))}
    return examine(net, adam(net, 3e-3), train, None, 4, **options)


PATIENTS = [
    (all_weights_0, "equal weights", r"32 units of layer 0, Linear\(784, 32\) are all 0\. What"),
    (
        one_layer_of_equal_weights,
        "equal weights",
        r"9 units of layer 2, Linear\(16, 9\) are all 0\.3",
    ),
    (
        pictures_transposed,
        "sets that do not belong together",
        r"first epoch the test loss was 2\.\d+.*With its pictures transposed, 8\d% of the rows",
    ),
    (
        validation_labels_of_other_rows,
        "sets that do not belong together",
        r"the validation loss was .*, and ln\(C\) = 2\.303 is that of guessing\.$",
    ),
    (raw_pixels, "unscaled inputs", r"from 0 to 255; \d+ of 784 features"),
    (one_large_feature, "unscaled inputs", r"to 2500; 1 of 12 features"),
    (only_test_set_raw, "train and test on different scales", r"test inputs from 0 to 255"),
    (
        only_training_set_standardised,
        "train and test on different scales",
        r"with mean \S+ and standard deviation 1; test inputs from 0 to 1,",
    ),
    (too_deep, "loss still at ln(C)", r"after 3 epochs .* 2\.3\d\d, and ln\(C\) = 2\.303"),
    (labels_of_other_rows, "loss still at ln(C)", r"after 4 epochs .*ln\(C\) = 2\.303"),
    (killed_by_large_steps, "dead units", r"0 for every one of 512 rows, .* of 64 in layer 1, Re"),
    (killed_by_biases, "dead units", r"every one of 100 rows, .* are 7 of 9 in layer 3, ReLU\(\)"),
    (steps_of_giants, "updates too large", r"own size: 4 in layer 0, Linear\(784, 64\)"),
    (steps_that_grow, "updates too large", r"in layer 2, Linear\(9, 4\)"),
    (steps_of_dwarfs, "updates too small", r"by more than \S+e-08 of its weights' size, .* 2\.3"),
    (a_learning_rate_of_others, "updates too small", r"by more than \S+e-08 .* still 1\.4"),
    (small_first_weights, "vanishing gradients", r"in 2 of 4 layers .* layer 0, Linear\(12, 20\)"),
    (too_deep, "vanishing gradients", r"of 11 layers .* layer 0, .* at the last, 20, L"),
    (large_first_weights, "exploding gradients", r"in \d of 9 layers .* at layer 0, Linear"),
    (weights_of_size_one, "exploding gradients", r"in \d of 7 layers .* at layer 0, Linear"),
    (digits_with_wrong_labels, "overfitting", r"since epoch \d+ the test loss has risen from "),
    (nothing_to_learn_but_the_rows, "overfitting", r"the validation loss has risen from 1\.\d+ to"),
    (without_sevens, "class never predicted", r"of 1000 rows none is taken for class 7 \(\d+ row"),
    (a_class_without_weight, "class never predicted", r"400 rows none is taken for class 1 \(\d+"),
    (
        softmax_at_the_end,
        "softmax fed to NLLLoss",
        r"each row sums to 1, .*; the loss is -0\.(1|099)",
    ),
    (probabilities_of_one_s_own, "softmax fed to NLLLoss", r"each row sums to 1, .* loss is -0\.2"),
    (softmax_twice, "softmax fed to CrossEntropyLoss", r"its loss cannot fall below 0\.744\."),
    (softmax_of_digits_twice, "softmax fed to CrossEntropyLoss", r"cannot fall below 1\.46\."),
    (no_last_layer, "logits fed to NLLLoss", r"the loss is -\d+.* and has no lowest value"),
    (relu_at_the_end, "logits fed to NLLLoss", r"of the outputs is 1\.\d+ to "),
]


def test_every_illness_has_two_patients():
    illnesses = [name for _, name, _ in PATIENTS]
    assert all(illnesses.count(name) == 2 for name in illnesses)
    assert len(set(illnesses)) == 15


@pytest.mark.parametrize(
    ("patient", "name", "evidence"),
    [pytest.param(*case, id=f"{case[1]}-{case[0].__name__}") for case in PATIENTS],
)
def test_the_illness_is_found(patient, name, evidence):
    diagnosis = patient()
    found = {finding.name: finding for finding in diagnosis}
    assert name in found, diagnosis
    assert re.search(evidence, found[name].evidence), found[name].evidence
    assert str(found[name]) in str(diagnosis).replace("\n- ", "\n")
    for sentence in (found[name].what, found[name].evidence, found[name].advice):
        assert sentence.endswith(".")


HEALTHY = [
    lambda net: tn.Adam(net.parameters(), lr=1e-3),
    lambda net: tn.SGD(net.parameters(), lr=0.1),
    lambda net: tn.RMSprop(net.parameters(), lr=1e-3),
    lambda net: tn.SGD(net.parameters(), lr=0.03, momentum=0.9),
    lambda net: tn.AdamW(net.parameters(), lr=2e-3),
]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 10))]
)
def test_ten_healthy_runs_have_no_findings_in_any_epoch(seed, capsys):
    train, test = digits(2000, seed)
    net = layers(*MAIN, seed=seed)
    optimizer = HEALTHY[seed % len(HEALTHY)](net)
    diagnosis = examine(net, optimizer, train, test, 6, doctor=True)
    assert capsys.readouterr().out == ""
    assert list(diagnosis) == []
    assert str(diagnosis) == (
        "The doctor looked at 6 epochs, 2000 training rows, 1000 test rows, activations and "
        "gradients, updates: no findings."
    )
    assert tn.evaluate(net, tn.NLLLoss(), *test)[1] > 75


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_ten_runs_of_the_main_lesson_have_no_findings_in_any_epoch(seed, capsys):
    train, test = digits(18_000, seed)
    net = layers(*MAIN, seed=seed)
    diagnosis = examine(net, sgd(net, 0.01), train, test, 12, doctor=True)
    assert capsys.readouterr().out == ""
    assert list(diagnosis) == []


def names_of(diagnosis):
    return [finding.name for finding in diagnosis]


EQUAL = {
    "all weights 0": (LESSON, {0: 0, 2: 0}),
    "one weight for all": (LESSON, {0: 0.1, 2: 0.1}),
    "a small one": (LESSON, {0: 0.01, 2: 0.01}),
    "negative": (LESSON, {0: -0.02, 2: 0.5}),
    "the first layer 0": (LESSON, {0: 0}),
    "a layer within": (MAIN, {2: 0}),
    "the last but one": (MAIN, {4: 0}),
}


def equal(name):
    sizes, values = EQUAL[name]
    net = layers(*sizes)
    for place, value in values.items():
        net.layers[place].W.data[...] = value
        net.layers[place].b.data[...] = 0
    return net


@pytest.mark.parametrize("epochs", [0, 6])
@pytest.mark.parametrize("name", slow_but(2, EQUAL))
def test_equal_weights_are_the_cause_that_is_told(name, epochs):
    data = digits(3000 if epochs else 300)
    net = equal(name)
    diagnosis = examine(net, sgd(net), *data, epochs)
    assert names_of(diagnosis) == ["equal weights"], diagnosis
    (finding,) = diagnosis
    advised = re.search(r"tn\.Linear\(in_features, out_features, rng=0\)", finding.advice)
    for place in EQUAL[name][1]:
        I, O = net.layers[place].W.data.shape
        net.layers[place] = eval(advised[0], {"tn": tn, "in_features": I, "out_features": O})
    net = tn.Sequential(*net.layers)
    assert names_of(examine(net, sgd(net), *data, epochs)) == []


class Block(tn.Module):
    """A path around two layers, of which the second starts at 0: this learns."""

    def __init__(self, size, rng):
        self.inner = tn.Sequential(
            tn.Linear(size, size, rng=rng), tn.ReLU(), tn.Linear(size, size, rng=rng)
        )
        for parameter in self.inner.layers[2].parameters():
            parameter.data[...] = 0
        self.add = tn.Add()

    def forward(self, x):
        return self.add(x, self.inner(x))


def blocks():
    rng = np.random.default_rng(0)
    parts = tn.Linear(784, 32, rng=rng), Block(32, rng), Block(32, rng), tn.Linear(32, 10, rng=rng)
    return tn.Sequential(*parts, tn.LogSoftmax())


def last_layer_0():
    net = layers(*LESSON)
    for parameter in net.layers[2].parameters():
        parameter.data[...] = 0
    return net


@pytest.mark.parametrize("epochs", [0, 6])
@pytest.mark.parametrize(
    "make", [blocks, last_layer_0, lambda: layers(784, 10, times=0)], ids=["blocks", "last", "one"]
)
def test_layers_that_may_start_at_0(make, epochs):
    net, (train, test) = make(), digits(3000)
    assert names_of(examine(net, sgd(net), train, test, epochs)) == []
    if epochs:
        assert tn.evaluate(net, tn.NLLLoss(), *test)[1] > 80


def beside(X, *columns):
    return np.hstack([X, *(np.asarray(c, np.float32)[:, None] for c in columns)])


def row_number(train, test):
    return [(beside(X, np.arange(len(X))), y) for X, y in (train, test)]


def row_number_first(train, test):
    return [(np.roll(X, 1, axis=1), y) for X, y in row_number(train, test)]


def row_number_of_mixed_rows(train, test):
    rng = np.random.default_rng(1)
    return [(beside(X, rng.permutation(len(X))), y) for X, y in (train, test)]


def three_large(train, test):
    rng = np.random.default_rng(1)
    return [
        (beside(X, *(rng.normal(size, size / 9, len(X)) for size in (2000, 90, 4e5))), y)
        for X, y in (train, test)
    ]


@pytest.mark.parametrize(
    ("change", "columns", "evidence"),
    slow_but(
        1,
        [
            (
                row_number,
                [784],
                r"1 of 785 .*: column 784, from 0 to 2999, another whole number in ea",
            ),
            (
                row_number_first,
                [0],
                r"column 0, from 0 to 2999, another whole number in each row, as",
            ),
            (row_number_of_mixed_rows, [784], "column 784, from .* another whole number"),
            (
                three_large,
                [784, 785, 786],
                r"3 of 787 .*: column 784, from .*; column 785, .*; column",
            ),
        ],
    ),
)
@pytest.mark.parametrize("optimizer", [sgd, adam])
def test_features_that_outweigh_all_others_are_named(optimizer, change, columns, evidence):
    train, test = change(*digits(3000))
    net = layers(train[0].shape[1], 32, 10)
    diagnosis = examine(net, optimizer(net), train, test, 6)
    first = next(iter(diagnosis))
    assert first.name == "unscaled inputs" and re.search(evidence, first.evidence), diagnosis
    assert not {"updates too small", "train and test on different scales"} & {*names_of(diagnosis)}
    code = re.search(r"training set: (.*)\. Leave out", first.advice)[1]
    names = {"X": train[0]}
    exec(code, names)
    exec(code.split("; ")[1], names | {"X": test[0]})
    assert np.abs(train[0][:, columns].std(axis=0) - 1).max() < 0.01
    net = layers(train[0].shape[1], 32, 10)
    assert names_of(examine(net, optimizer(net), train, test, 6)) == []


def test_a_feature_that_is_a_little_larger_is_no_illness():
    rng = np.random.default_rng(1)
    train, test = ((beside(X, rng.normal(0, 8, len(X))), y) for X, y in digits(3000))
    net = layers(785, 32, 10)
    assert names_of(examine(net, adam(net), train, test, 6)) == []


MIXED = np.random.default_rng(2).permutation(784)
STRANGERS = {
    "transposed": (lambda X, y: (transposed(X), y), "With its pictures transposed"),
    "inverted": (lambda X, y: (1 - X, y), "With dark and light exchanged"),
    "mirrored": (
        lambda X, y: (X.reshape(-1, 28, 28)[:, :, ::-1].reshape(X.shape), y),
        "With its pictures mirrored",
    ),
    "labels from 1": (
        lambda X, y: (X, (y + 1) % 10),
        r"other numbers for its classes \(9 for 0, 0",
    ),
    "pixels mixed": (lambda X, y: (X[:, MIXED], y), "guessing.$"),
    "labels mixed": (lambda X, y: (X, np.random.default_rng(0).permutation(y)), "guessing.$"),
    "labels moved": (lambda X, y: (X, np.roll(y, 1)), "guessing.$"),
}


@pytest.mark.parametrize("name", slow_but(1, STRANGERS))
@pytest.mark.parametrize("optimizer", [sgd, adam])
def test_a_test_set_that_does_not_belong_to_the_training_set(optimizer, name):
    change, evidence = STRANGERS[name]
    train, test = digits(3000)
    net = layers(*LESSON)
    diagnosis = examine(net, optimizer(net), train, change(*test), 6)
    assert names_of(diagnosis) == ["sets that do not belong together"], diagnosis
    (finding,) = diagnosis
    assert re.search(evidence, finding.evidence), diagnosis
    code = re.search(r": (\S.*X_test.*)\.$", finding.advice)
    assert (code is not None) == (name in ("transposed", "inverted", "mirrored"))
    if code:
        X_test, y_test = change(*test)
        X_test = eval(code[1], {"X_test": X_test})
        net = layers(*LESSON)
        assert names_of(examine(net, optimizer(net), train, (X_test, y_test), 6)) == []


def test_transposed_pictures_are_found_in_a_slow_run_too():
    train, (X_test, y_test) = digits(3000)
    net = layers(*LESSON)
    diagnosis = examine(net, sgd(net, 0.01), train, (transposed(X_test), y_test), 6)
    assert names_of(diagnosis) == ["sets that do not belong together"]


def test_a_history_without_accuracies():
    train, test = digits(2000)
    net, loss_fn = layers(*LESSON), tn.NLLLoss()
    optimizer = sgd(net)
    loader = tn.DataLoader(*train, batch_size=32, rng=0)
    history = tn.fit(net, loss_fn, optimizer, loader, test, epochs=3, progress=False)
    history.train_accuracy, history.test_accuracy = [], []
    assert names_of(tn.diagnose(history, net, loader, test, loss_fn, optimizer)) == []
    y_test = (test[1] + 1) % 10
    y_test[:9] = -100  # ignored rows are none that could be read
    strange = tn.diagnose(history, net, loader, (test[0], y_test), loss_fn, optimizer)
    assert "sets that do not belong together" in names_of(strange)


def test_nothing_is_changed():
    train, test = digits(300)
    net, loss_fn = layers(*MAIN), tn.NLLLoss()
    optimizer = tn.Adam(net.parameters())
    loader = tn.DataLoader(*train, batch_size=32, shuffle=True, rng=0)
    history = tn.fit(net, loss_fn, optimizer, loader, test, epochs=1, progress=False)
    loss_fn(net(train[0][:5]), train[1][:5])
    parts = net, loss_fn
    kept = [module._kept for part in parts for _, module in part.named_modules()]
    everything = (
        lambda: (fingerprint(net), learned(net, optimizer), generator_state(loader.rng)),
        lambda: copy.deepcopy(vars(history)),
    )
    before = [state() for state in everything]
    tn.diagnose(history, net, loader, test, loss_fn, optimizer)
    assert [state() for state in everything] == before
    after = [module._kept for part in parts for _, module in part.named_modules()]
    assert all(a is b for a, b in zip(kept, after, strict=True))
    net.backward(loss_fn.backward())  # of the forward before


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_with_the_doctor_has_the_same_bits(compiled, capsys):
    results = []
    for doctor in (False, True):
        net = network()
        optimizer = sgd(net)
        loader = tn.DataLoader(*rows(100), batch_size=8, shuffle=True, rng=0)
        options = {"epochs": 3, "progress": False, "compiled": compiled, "doctor": doctor}
        history = tn.fit(net, tn.NLLLoss(), optimizer, loader, rows(30, seed=1), **options)
        results.append((history, learned(net, optimizer), generator_state(loader.rng)))
    assert results[0] == results[1]


def test_fit_says_each_finding_once_and_when(capsys):
    (X, y), (X_test, y_test) = digits(300)
    net = layers(784, 10)
    loader = tn.DataLoader(X * np.float32(255), y, batch_size=32)
    test = X_test * np.float32(255), y_test
    tn.fit(net, tn.NLLLoss(), sgd(net, 1e-5), loader, test, epochs=3, doctor=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["doctor,", "Evidence:", "Try:"] + 3 * ["epoch"]
    assert lines[0] == "doctor, before training: The inputs are not scaled."


def test_findings_of_later_epochs_come_with_their_epoch(capsys):
    train, test = digits(300)
    net = layers(784, *[8] * 6, 10)
    loader = tn.DataLoader(*train, batch_size=32)
    tn.fit(net, tn.NLLLoss(), sgd(net, 0.01), loader, test, epochs=4, progress=False, doctor=True)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("doctor")]
    assert heads[-1].startswith("doctor, after epoch 4: The loss is still at ln(C): ")


def test_a_loss_on_another_scale_is_not_called_overfitting():
    train, (X_test, y_test) = digits(300)
    net = layers(*MAIN)
    diagnosis = examine(net, adam(net, 3e-3), train, (X_test * np.float32(255), y_test), 40)
    assert [finding.name for finding in diagnosis] == ["train and test on different scales"]


def test_ignored_labels_are_no_class():
    X, y = rows(400)
    net = layers(12, 16, 4)
    y[:40] = -100
    diagnosis = examine(net, adam(net, 0.01), (X, y), None, 20)
    assert [finding.name for finding in diagnosis] == []


def test_of_a_trace():
    train, _ = digits(300)
    net = layers(*MAIN)
    trace = tn.trace(net, tn.NLLLoss(), *train, adam(net, 0.1), steps=2)
    assert [finding.name for finding in tn.diagnose(tn.History(), trace)] == ["updates too large"]
    raw = train[0] * np.float32(255), train[1]
    names = [finding.name for finding in tn.diagnose(tn.History(), trace, raw)]
    assert names == ["unscaled inputs", "updates too large"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.1], network()), TypeError, "diagnose: history is list, expected what fit returned"),
        ((None, "net"), TypeError, r"diagnose: net is str, expected a Module, or a Trace"),
        ((None, network()), ValueError, r"diagnose: data is missing; use tn\.diagnose\("),
        ((None, network(), rows(9)), ValueError, "diagnose: loss_fn is missing"),
        ((None, network(), rows(9)[0]), ValueError, "loss_fn is missing"),
        (
            (None, network(), rows(9)[0], None, tn.NLLLoss()),
            TypeError,
            r"diagnose: data is ndarray, expected a DataLoader or a pair \(X, y\)",
        ),
        (
            (None, network(), rows(9), rows(9)[0], tn.NLLLoss()),
            TypeError,
            r"diagnose: test is ndarray, expected a pair \(X, y\)",
        ),
        ((None, network(), (rows(9)[0], rows(8)[1]), None, tn.NLLLoss()), ValueError, "9 rows but"),
        ((None, network(), rows(9, features=5), None, tn.NLLLoss()), ValueError, "5 features"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        tn.diagnose(*arguments)


def test_fit_needs_a_data_loader_for_it():
    net = network()
    with pytest.raises(TypeError, match="fit: doctor=True needs a DataLoader, got list"):
        tn.fit(net, tn.NLLLoss(), sgd(net), [rows(8)], progress=False, doctor=True)
