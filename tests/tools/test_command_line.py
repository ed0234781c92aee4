"""The commands train and predict, and tinynet's own report: results, messages, and exit codes."""

import contextlib
import csv
import io
import os
import pickle
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet.cli import about, main
from tinynet.cli.train import score_table
from tinynet.kernels.jit import folder as kernels_folder

REPO = Path(tn.__file__).parents[1]
DIGITS = tn.datasets.mnist_small()
IMAGES, LABELS = DIGITS.images[:400], DIGITS.labels[:400]


class Ran(NamedTuple):
    code: Any
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.out)))


def run(*words: object) -> Ran:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
    return Ran(code, out.getvalue(), err.getvalue())


def program(*words: object, folder: Path, **options: Any) -> Any:
    """Start a command as a program of its own, its output buffered as is usual."""
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        [sys.executable, "-m", "tinynet", *map(str, words)],
        cwd=folder,
        env=environment,
        text=True,
        **options,
    )


def write_csv(path: Path, images: Any, labels: Any = None, header: str = "") -> Path:
    table = images if labels is None else np.column_stack([labels, images])
    lines = [header] if header else []
    path.write_text("\n".join(lines + [",".join(map(str, row)) for row in table.tolist()]) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """digits.csv with labels, plain.csv without, and model.safetensors, trained on the former."""
    folder = tmp_path_factory.mktemp("command_line")
    write_csv(folder / "digits.csv", IMAGES, LABELS)
    write_csv(folder / "plain.csv", IMAGES)
    ran = train_on(folder / "digits.csv", folder / "model.safetensors")
    assert ran.code == 0, ran.err
    (folder / "train.txt").write_text(ran.out)
    return folder


def train_on(data: Path, out: Path, *more: object) -> Ran:
    return run("train", data, "--hidden", "16,8", "--epochs", 12, "--lr", 0.1, "--out", out, *more)


def digits_read(net: tn.Module) -> Any:
    return net.predict((IMAGES / 255).astype(np.float32)).argmax(axis=1)


# train


def test_train_is_the_recipe_of_the_lesson(folder: Path) -> None:
    rng = np.random.default_rng(0)
    X = IMAGES.astype(np.float32) / np.float32(255)
    order = rng.permutation(400)
    test, train = order[:40], order[40:]
    net = tn.Sequential(
        tn.Linear(784, 16, rng=rng),
        tn.ReLU(),
        tn.Linear(16, 8, rng=rng),
        tn.ReLU(),
        tn.Linear(8, 10, rng=rng),
        tn.LogSoftmax(),
    )
    loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
    loader = tn.DataLoader(X[train], LABELS[train], batch_size=32, shuffle=True, rng=rng)
    for _ in range(12):
        losses = []
        for xb, yb in loader:
            losses.append(loss_fn(net(xb), yb))
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
    saved = tn.load(folder / "model.safetensors")
    assert repr(saved) == repr(net)
    assert tn.fingerprint(saved) == tn.fingerprint(net)
    loss, accuracy = tn.evaluate(net, loss_fn, X[test], LABELS[test])
    printed = (folder / "train.txt").read_text()
    assert "784-16-8-10 learns 360 digits, and is tested on 40 others: SGD, lr 0.1" in printed
    *_, last, _, end = printed.rstrip().split("\n")
    epoch, train_loss, test_loss, _, _, test_accuracy, _ = last.split()
    assert (epoch, train_loss) == ("12", f"{np.mean(losses):.3f}")
    assert (test_loss, test_accuracy) == (f"{loss:.3f}", f"{accuracy:.2f}")
    assert f"model.safetensors: fingerprint {tn.fingerprint(net)}, trained in " in end


def test_the_table_shows_some_epochs_and_the_last(folder: Path) -> None:
    table = (folder / "train.txt").read_text().split("\n\n")[1].splitlines()
    assert table[0] == "epoch  train loss  test loss  train accuracy  test accuracy"
    assert [row.split()[0] for row in table[1:]] == ["1", "2", "5", "10", "12"]
    numbers = list(range(1, 301))
    history = tn.History(numbers, numbers, numbers, numbers)
    shown = [int(row.split()[0]) for row in score_table(history).splitlines()[1:]]
    assert shown == [1, 2, 5, 10, 20, 50, 100, 200, 300]


def test_progress_is_shown_for_every_epoch(folder: Path) -> None:
    lines = (folder / "train.txt").read_text().split("\n\n")[0].splitlines()
    assert [line.split()[1] for line in lines[1:]] == [f"{n}/12" for n in range(1, 13)]


def test_the_same_seed_gives_the_same_file(folder: Path, tmp_path: Path) -> None:
    first = (folder / "model.safetensors").read_bytes()
    assert train_on(folder / "digits.csv", tmp_path / "again", "--seed", 0).code == 0
    assert (tmp_path / "again").read_bytes() == first
    assert train_on(folder / "digits.csv", tmp_path / "again", "--seed", 1).code == 0
    assert (tmp_path / "again").read_bytes() != first


def test_what_is_not_said_is_as_in_the_main_lesson(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "two.csv", IMAGES[:2], LABELS[:2], "label" + ",pixel" * 784)
    ran = run("train", "two.csv")
    assert ran.code == 0
    assert "784-64-32-32-10 learns 1 digits, and is tested on 1 others: SGD, lr 0.01" in ran.out
    assert "\n   60  " in ran.out and "epoch  61" not in ran.out
    assert sorted(os.listdir()) == ["model.safetensors", "two.csv"]


def test_no_hidden_layer_makes_a_linear_network(folder: Path, tmp_path: Path) -> None:
    ran = run(
        *("train", folder / "digits.csv", "--hidden", "", "--epochs", 2),
        *("--out", tmp_path / "linear.safetensors"),
    )
    assert ran.code == 0 and ran.out.startswith("784-10 learns 360 digits")
    layers = tn.load(tmp_path / "linear.safetensors").layers
    assert [type(layer) for layer in layers] == [tn.Linear, tn.LogSoftmax]


def test_any_activation(folder: Path, tmp_path: Path) -> None:
    for name, kind in (("tanh", tn.Tanh), ("leaky_relu", tn.LeakyReLU)):
        out = tmp_path / f"{name}.safetensors"
        options = ("--activation", name, "--hidden", "8,8", "--epochs", 1, "--out", out)
        assert run("train", folder / "digits.csv", *options).code == 0
        assert [type(layer) for layer in list(tn.load(out))[1:4:2]] == [kind, kind]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--optimizer", "adam"], "Adam, lr 0.001,"),
        (["--optimizer", "rmsprop", "--lr", "0.01"], "RMSprop, lr 0.01,"),
        (["--optimizer", "sgd"], "SGD, lr 0.01,"),
    ],
)
def test_any_optimizer(folder: Path, tmp_path: Path, options: list[str], says: str) -> None:
    out = tmp_path / "model.safetensors"
    ran = run("train", folder / "digits.csv", *options, "--epochs", 1, "--out", out)
    assert ran.code == 0 and says in ran.out
    X, y = tn.data.minmax_scale(IMAGES, 0, 255), LABELS
    rng = np.random.default_rng(0)
    train = rng.permutation(len(y))[len(y) // 10 :]
    net = tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng), tn.LogSoftmax()),
    )
    optimizer = {
        "adam": lambda: tn.Adam(net.parameters(), lr=0.001),
        "rmsprop": lambda: tn.RMSprop(net.parameters(), lr=0.01),
        "sgd": lambda: tn.SGD(net.parameters(), lr=0.01),
    }[options[1]]()
    loader = tn.DataLoader(X[train], y[train], batch_size=32, shuffle=True, rng=rng)
    tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=1, progress=False)
    assert f"fingerprint {tn.fingerprint(net)}" in ran.out


def test_a_network_that_hardly_learned_is_hinted_at_and_the_hints_help(tmp_path: Path) -> None:
    few, out = tmp_path / "few.csv", tmp_path / "model.safetensors"
    write_csv(few, IMAGES[:300], LABELS[:300])
    ran = run("train", few, "--out", out)
    assert re.search(r"\n +60 .* 1\d\.\d\d %\n", ran.out), "13 % of the test digits"
    hint = re.search(
        r"hint: the network has hardly learned; 540 steps are few for so many layers. Let it take "
        r"more: (--epochs \d+), or faster ones: (--optimizer \w+)\n$",
        ran.err,
    )
    assert hint
    for words in hint.groups():
        better = run("train", few, "--out", out, *words.split())
        assert "hint" not in better.err
        assert float(re.findall(r"([\d.]+) %", better.out)[-1]) > 60, words


# predict


def table_of(ran: Ran) -> dict[str, list[str]]:
    lines = ran.err.split("\n\n")[1].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in lines}


def test_predict_reads_digits_with_labels(folder: Path) -> None:
    net = tn.load(folder / "model.safetensors")
    ran = run("predict", folder / "model.safetensors", folder / "digits.csv")
    assert ran.code == 0
    head, *rows = ran.rows
    assert head == ["row", "digit", "probability", "label"]
    read = digits_read(net)
    assert [int(row[0]) for row in rows] == list(range(1, 401))
    assert [int(row[1]) for row in rows] == read.tolist()
    assert [int(row[3]) for row in rows] == LABELS.tolist()
    expected = np.exp(net.predict((IMAGES / 255).astype(np.float32)).astype(float)).max(axis=1)
    shown = np.array([float(row[2]) for row in rows])
    np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-4)
    table = table_of(ran)
    assert list(table) == [*map(str, range(10)), "all"]
    for digit in range(10):
        right = (read == digit)[digit == LABELS].mean() * 100
        counts = [str((read == digit).sum()), str((digit == LABELS).sum())]
        assert table[str(digit)] == [*counts, f"{right:.2f}", "%"]
    share = (read == LABELS).mean() * 100
    assert share > 60
    assert table["all"] == ["400", "400", f"{share:.2f}", "%"]


@pytest.mark.parametrize("header", ["", ",".join(f"pixel{n}" for n in range(784))])
def test_predict_reads_digits_without_labels(folder: Path, tmp_path: Path, header: str) -> None:
    data = write_csv(tmp_path / "test.csv", IMAGES, header=header)
    labelled = run("predict", folder / "model.safetensors", folder / "digits.csv")
    ran = run("predict", folder / "model.safetensors", data)
    assert ran.code == 0
    assert ran.rows == [row[:3] for row in labelled.rows]
    counts = {name: [row[0]] for name, row in table_of(labelled).items()}
    assert table_of(ran) == counts


def test_faint_digits_are_scaled_as_all_others(folder: Path, tmp_path: Path) -> None:
    net, faint = tn.load(folder / "model.safetensors"), IMAGES[:60] // 3
    ran = run("predict", folder / "model.safetensors", write_csv(tmp_path / "faint.csv", faint))
    log_probs = net.predict((faint / 255).astype(np.float32))
    assert [int(row[1]) for row in ran.rows[1:]] == log_probs.argmax(axis=1).tolist()
    shown = np.array([float(row[2]) for row in ran.rows[1:]])
    np.testing.assert_allclose(shown, np.exp(log_probs).max(axis=1), rtol=0, atol=1e-4)


def test_a_digit_that_no_label_names_has_no_share(folder: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "sevens.csv", IMAGES[LABELS == 7], LABELS[LABELS == 7])
    table = table_of(run("predict", folder / "model.safetensors", data))
    assert table["3"][1:] == ["0", "-"]
    assert table["7"][1:] == table["all"][1:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("last", [None, tn.Softmax, tn.LogSoftmax])
def test_predict_takes_any_network_for_digits(
    folder: Path, tmp_path: Path, dtype: Any, last: Any
) -> None:
    net = tn.Sequential(
        tn.Sequential(tn.Linear(784, 10, rng=0, dtype=dtype)), *([] if last is None else [last()])
    )
    net.layers[0].layers[0].W.data *= 10
    tn.save(net, tmp_path / "net")
    scores = (IMAGES.astype(np.float32) / np.float32(255)) @ net.layers[0].layers[0].W.data
    scores = scores.astype(float) + net.layers[0].layers[0].b.data
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    ran = run("predict", tmp_path / "net", folder / "plain.csv")
    assert ran.code == 0
    assert [int(row[1]) for row in ran.rows[1:]] == p.argmax(axis=1).tolist()
    shown = np.array([float(row[2]) for row in ran.rows[1:]])
    np.testing.assert_allclose(shown, p.max(axis=1), rtol=0, atol=1e-4)


def letters(rows: int = 60) -> tuple[Any, Any]:
    """Digits that are called 0, 3, 6, ..., 27."""
    return IMAGES[:rows], LABELS[:rows] * 3


def test_any_number_of_classes(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "letters.csv", *letters())
    ran = train_on(data, tmp_path / "model")
    assert ran.code == 0
    assert "784-16-8-28 learns 54 digits" in ran.out
    assert tn.load(tmp_path / "model").predict(np.zeros((1, 784), np.float32)).shape == (1, 28)
    ran = run("predict", tmp_path / "model", data)
    assert [int(row[3]) for row in ran.rows[1:]] == letters()[1].tolist()
    read = {int(row[1]) for row in ran.rows[1:]}
    assert len(read) > 3 and read <= set(range(0, 28, 3)), "classes, not digits"
    assert list(table_of(ran)) == [*map(str, range(28)), "all"]


def test_labels_that_the_network_does_not_know_are_in_the_table(tmp_path: Path) -> None:
    tn.save(tn.Sequential(tn.Linear(784, 5, rng=0)), tmp_path / "five")
    images, labels = letters(20)
    ran = run("predict", tmp_path / "five", write_csv(tmp_path / "data.csv", images, labels))
    table = table_of(ran)
    unknown = [str(n) for n in sorted(set(labels.tolist())) if n > 4]
    assert list(table) == [*"01234", *unknown, "all"]
    assert all(table[name][0] == "0" and table[name][2] == "0.00" for name in unknown)


def test_train_refuses_numbers_that_are_no_classes(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "far.csv", IMAGES[:20], LABELS[:20] * 1000)
    ran = train_on(data, tmp_path / "model")
    assert ran.code == 1
    assert "far.csv: the largest label is 9000, expected classes numbered from 0" in ran.err


@pytest.mark.parametrize("header", ["", "pixel," * 784 + "what"])
def test_the_label_may_stand_anywhere(folder: Path, tmp_path: Path, header: str) -> None:
    data = tmp_path / "last.csv"
    write_csv(data, np.column_stack([IMAGES, LABELS]), header=header)
    for column in ["-1", "784"] + (["what"] if header else []):
        ran = run("predict", folder / "model.safetensors", data, "--label-column", column)
        assert ran.rows == run("predict", folder / "model.safetensors", folder / "digits.csv").rows
    assert train_on(data, tmp_path / "model", "--label-column", "-1").code == 0
    assert (tmp_path / "model").read_bytes() == (folder / "model.safetensors").read_bytes()
    ran = train_on(data, tmp_path / "model", "--label-column", "digit")
    assert ran.code == 1 and "'digit'" in ran.err


def test_a_dash_is_stdin(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    content = (folder / "digits.csv").read_bytes()

    def with_stdin(*words: object) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return run(*words)

    ran = with_stdin("predict", folder / "model.safetensors", "-")
    assert ran.rows == run("predict", folder / "model.safetensors", folder / "digits.csv").rows
    words = ["--hidden", "16,8", "--epochs", 12, "--lr", 0.1, "--out", tmp_path / "model"]
    assert with_stdin("train", "-", *words).code == 0
    assert (tmp_path / "model").read_bytes() == (folder / "model.safetensors").read_bytes()
    content = b"x"
    assert "line 1, column 1: 'x'" in with_stdin("train", "-", *words).err
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes((folder / "plain.csv").read_bytes())
    assert len(run("predict", folder / "model.safetensors", "./-").rows) == 401


def test_predict_reads_pictures(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    square = np.kron(255 - IMAGES[:3].reshape(3, 28, 28), np.ones((5, 5), np.uint8))
    names = ["a, b.png", "b.jpg", "no_ending"]
    for name, picture in zip(names, square, strict=True):
        Image.fromarray(picture).save(name, format="JPEG" if name == "b.jpg" else "PNG")
    ran = run("predict", folder / "model.safetensors", *names)
    assert ran.code == 0
    images = tn.datasets.load_pictures(names)
    p = np.exp(tn.load(folder / "model.safetensors").predict(tn.data.minmax_scale(images, 0, 255)))
    assert ran.rows[0] == ["file", "digit", "probability"]
    assert [row[:2] for row in ran.rows[1:]] == [
        [name, str(digit)] for name, digit in zip(names, p.argmax(axis=1), strict=True)
    ]
    shown = [float(row[2]) for row in ran.rows[1:]]
    np.testing.assert_allclose(shown, p.max(axis=1), rtol=0, atol=1e-4)
    assert table_of(ran)["all"] == ["3"]
    (tmp_path / "empty.png").touch()
    for name, words in (("empty.png", "the file is empty"), ("absent.png", "no such file")):
        ran = run("predict", folder / "model.safetensors", "b.jpg", name)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.splitlines()[-1].startswith(f"error: {name}: ") and words in ran.err
    monkeypatch.setitem(sys.modules, "PIL", None)
    ran = run("predict", folder / "model.safetensors", "b.jpg")
    assert ran.code == 1 and "error: load_pictures needs Pillow" in ran.err


# Faults: exit code 1


FAULTS = {
    "short line": ("1,2,3\n", "line 1, column 4: the line has only 3 columns"),
    "text": ("x\n", "line 1, column 1: 'x' is not a whole number"),
    "empty": ("", "the file is empty"),
    "negative label": ("-1" + ",0" * 784, "line 1, column 1: '-1' is not a whole number from 0"),
    "label last": ("0," * 784 + "7\n", "it looks as if the label stood last"),
    "Parquet": ("PAR1", "this is a Parquet file, expected the text of a CSV file"),
    "fraction": ("1" + ",0" * 783 + ",0.5", "line 1, column 785: '0.5' is not a whole number"),
    "second line": ("1" + ",0" * 784 + "\n1,1", "line 2, column 3: the line has only 2 columns"),
    "pixel 256": ("1" + ",256" * 784, "column 2: '256' is not a whole number from 0 to 255"),
    "missing": (None, "there is no such file"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_data_is_named_by_file_and_line(folder: Path, tmp_path: Path, name: str) -> None:
    text, words = FAULTS[name]
    data, out = tmp_path / "bad.csv", tmp_path / "model"
    if text is not None:
        data.write_bytes(text.encode("latin-1"))
    out.write_bytes(b"old")
    for ran in (train_on(data, out), run("predict", folder / "model.safetensors", data)):
        assert (ran.code, ran.out) == (1, "")
        last = ran.err.rstrip().splitlines()[-1]
        assert last.startswith(f"error: {data}: ") and words in last
    assert out.read_bytes() == b"old"


def test_train_needs_labels_and_two_digits(folder: Path, tmp_path: Path) -> None:
    ran = train_on(folder / "plain.csv", tmp_path / "model")
    assert ran.code == 1
    assert "plain.csv: line 1, column 785: the line has only 784 columns" in ran.err
    data = write_csv(tmp_path / "one.csv", IMAGES[:1], LABELS[:1])
    ran = train_on(data, tmp_path / "model")
    assert ran.code == 1
    assert "one.csv: holds 1 digit, expected at least 2" in ran.err
    assert os.listdir(tmp_path) == ["one.csv"]


def flipped(content: bytes) -> bytes:
    return content[:-50] + bytes([content[-50] ^ 1]) + content[-49:]


def net_file(*layers: tn.Module) -> Any:
    def write(path: Path, model: bytes) -> None:
        tn.save(tn.Sequential(*layers), path)

    return write


MODELS: dict[str, tuple[Any, str]] = {
    "missing": (lambda path, model: None, "No such file or directory"),
    "flipped": (lambda path, model: path.write_bytes(flipped(model)), "SHA-256 is not that of"),
    "cut": (lambda path, model: path.write_bytes(model[:-9]), "is not a whole safetensors file"),
    "pickle": (lambda path, model: path.write_bytes(pickle.dumps({"a": 1})), "is a pickle"),
    "20 features": (net_file(tn.Linear(20, 10, rng=0)), "cannot read digits of 784 pixels: "),
    "1 output": (
        net_file(tn.Linear(784, 1, rng=0)),
        "holds a network with 1 output, expected one for each of 2 or more classes",
    ),
    "Add": (net_file(tn.Linear(784, 10, rng=0), tn.Add()), "cannot read digits of 784 pixels: "),
}


@pytest.mark.parametrize("name", MODELS)
def test_bad_models_are_named(folder: Path, tmp_path: Path, name: str) -> None:
    write, words = MODELS[name]
    path = tmp_path / "bad.safetensors"
    write(path, (folder / "model.safetensors").read_bytes())
    ran = run("predict", path, folder / "plain.csv")
    assert (ran.code, ran.out) == (1, "")
    last = ran.err.rstrip().splitlines()[-1]
    assert last.startswith("error: ") and str(path) in last and words in last


def test_a_place_for_the_model_is_looked_for_before_training(folder: Path, tmp_path: Path) -> None:
    for out, words in (
        (tmp_path, f"{tmp_path}: --out is a folder"),
        (tmp_path / "a" / "model", f"{tmp_path / 'a'}: no folder that can be written"),
    ):
        ran = train_on(folder / "digits.csv", out)
        assert (ran.code, ran.out) == (1, "")
        assert words in ran.err and "reading" not in ran.err
    assert os.listdir(tmp_path) == []


def test_training_that_diverges_leaves_the_old_model(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.write_bytes(b"old")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ran = run("train", folder / "digits.csv", "--lr", "1e30", "--epochs", 2, "--out", out)
    assert ran.code == 1
    assert re.search(
        r"^error: fit: .* not finite in epoch 1, batch 2, with lr = 1e\+30", ran.err, re.M
    )
    assert out.read_bytes() == b"old"


# Usage: exit code 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian", "digits.csv"], "invalid choice: 'trian'"),
        (["train"], "the following arguments are required: DATA.csv"),
        (["train", "digits.csv", "--epochs", "0"], "'0' is not a whole number from 1 up"),
        (["train", "digits.csv", "--epochs", "1.5"], "'1.5' is not a whole number from 1 up"),
        (["train", "digits.csv", "--hidden", "64,,32"], "'64,,32' is not a list of layers"),
        (["train", "digits.csv", "--hidden", "64,0"], "'64,0' is not a list of layers"),
        (["train", "digits.csv", "--hidden", ","], "',' is not a list of layers"),
        (["train", "digits.csv", "--optimizer", "adamax"], "invalid choice: 'adamax'"),
        (["train", "digits.csv", "--activation", "swish"], "invalid choice: 'swish'"),
        (["train", "digits.csv", "--hidden", "9" * 18], "--hidden 9"),
        (["train", "digits.csv", "--lr", "nan"], "'nan' is not a positive number"),
        (["train", "digits.csv", "--lr", "-1"], "'-1' is not a positive number"),
        (["train", "digits.csv", "--lr", "fast"], "'fast' is not a positive number"),
        (["train", "digits.csv", "--seed", "-1"], "'-1' is not a whole number from 0 up"),
        (["train", "digits.csv", "--out", "./digits.csv"], "is the file of the digits"),
        (["train", "digits.csv", "more.csv"], "unrecognized arguments: more.csv"),
        (["train", "digits.csv", "--out", "-"], "the model cannot go to stdout"),
        (["predict", "-", "digits.csv"], "the network cannot come from stdin; name its file"),
        (
            ["predict", "digits.csv", "model.safetensors"],
            "model.safetensors is the network, and digits.csv is none; the network stands first: "
            "predict model.safetensors digits.csv",
        ),
        (
            ["predict", "model.safetensors", "digits.csv", "plain.csv"],
            "digits.csv is no picture; give one CSV file alone, or pictures",
        ),
        (
            ["predict", "model.safetensors", "7.png", "digits.csv"],
            "digits.csv is no picture; give one CSV file alone",
        ),
        (
            ["predict", "model.safetensors", "7.png", "--label-column", "0"],
            "--label-column is for CSV files; pictures have no labels",
        ),
        (["predict", "model.safetensors"], "the following arguments are required: DIGITS.csv"),
    ],
)
def test_usage(folder: Path, monkeypatch: Any, words: list[str], message: str) -> None:
    monkeypatch.chdir(folder)
    Image.fromarray(255 - IMAGES[0].reshape(28, 28)).save("7.png")
    before = sorted(os.listdir())
    data = (folder / "digits.csv").read_bytes()
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("usage: ") or "reading" in ran.err
    assert message in ran.err.rstrip().splitlines()[-1]
    assert sorted(os.listdir()) == before
    assert (folder / "digits.csv").read_bytes() == data


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["gradcheck"]])
def test_help_is_there(command: list[str]) -> None:
    ran = run(*command, "--help")
    assert ran.code == 0
    assert ran.out.startswith("usage: python -m tinynet")


# As programs


def test_ctrl_c_stops_training_and_writes_no_model(folder: Path, tmp_path: Path) -> None:
    words = ["train", folder / "digits.csv", "--epochs", 240]  # so few are not compiled first
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with program(*words, folder=tmp_path, **pipes) as process:
        for line in process.stdout:
            if line.startswith("epoch   3/"):
                process.send_signal(signal.SIGINT)
                break
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("\nstopped by Ctrl-C\n") and "Traceback" not in err
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_output_that_nobody_reads_and_a_full_disk(folder: Path) -> None:
    words = ["predict", "model.safetensors", "digits.csv"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with program(*words, folder=folder, **pipes) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 141
    assert err.startswith("reading digits.csv ...") and "Error" not in err
    with (
        open("/dev/full", "w") as full,
        program(*words, folder=folder, stdout=full, stderr=subprocess.PIPE) as process,
    ):
        err = process.stderr.read()
    assert process.returncode == 1
    assert err.splitlines()[-1] == "error: No space left on device; check path and disk"


# Without a command


def test_alone_it_says_what_it_runs_on_and_learns(monkeypatch: Any) -> None:
    monkeypatch.setattr(about, "EPOCHS", 2)
    ran = run()
    assert (ran.code, ran.err) == (0, "")
    for words in (f"tinynet   {tn.__version__}\n", f"numpy {np.__version__}", "threads ", "784-64"):
        assert words in ran.out
    table, timing, drawn = ran.out.rstrip().split("\n\n")[-3:]
    assert [row.split()[0] for row in table.splitlines()] == ["epoch", "1", "2"]
    assert re.fullmatch(r"trained in \d+\.\d s", timing)
    *drawing, captions = drawn.splitlines()
    assert [len(line) for line in drawing] == [88] * 14
    for position, label in enumerate(DIGITS.labels[18_000:18_003]):
        image = DIGITS.images[18_000 + position].reshape(14, 2, 28).mean(axis=1)
        ink = [line[30 * position : 30 * position + 28] for line in drawing]
        dark = np.array([[character in "*#%@" for character in line] for line in ink])
        assert (dark == (np.round(image / 255 * 9) >= 6)).mean() > 0.99
        caption = captions[30 * position : 30 * position + 28]
        assert re.match(rf"a {label}, read as \d \(\d+\.\d%\)", caption)


def test_the_state_of_the_compiled_kernels(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(kernels_folder, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(kernels_folder.config, "DISABLE_JIT", 0)
    (tmp_path / "a.nbc").write_bytes(bytes(2_400_000))
    (tmp_path / "b.nbc").write_bytes(bytes(200_000))
    (tmp_path / "steps.py").write_bytes(bytes(900_000))
    for rung in ("plain", "fast"):
        monkeypatch.setattr(kernels_folder, "RUNG", rung)
        kept = f"{rung}, 2 compiled, 2.6 MB, kept in {tmp_path}"
        assert about.environment()["kernels"] == kept
    monkeypatch.setattr(kernels_folder, "cache_folder", lambda: tmp_path / "gone")
    assert "fast, compiled anew in each process" in about.environment()["kernels"]
    monkeypatch.setattr(kernels_folder.config, "DISABLE_JIT", 1)
    assert about.environment()["kernels"].startswith("fast, not compiled: NUMBA_DISABLE_JIT is set")


def test_packages_that_are_not_installed_are_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(about, "OPTIONAL", ("numpy", "no-such-package"))
    assert about.environment()["optional"] == f"numpy {np.__version__}, no no-such-package"


@pytest.mark.slow
def test_the_demonstration_in_full_as_a_program(tmp_path: Path) -> None:
    with program(folder=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    last = out.split("\n\n")[-3].splitlines()[-1]
    epoch, _, _, train_accuracy, _, test_accuracy, _ = last.split()
    assert epoch == "30"
    assert float(train_accuracy) > 96 and float(test_accuracy) > 93.5
    assert os.listdir(tmp_path) == []
