"""Data-parallel training on real clusters: what one machine learns, whoever dies on the way."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import dask
import dask.array as da
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from by_hand import learned, network, rows
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st
from mortal import DiesOnce, Slow
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from strategies import same_bits
from threadpoolctl import threadpool_info

import tinynet as tn
from tinynet import distributed as tnd
from tinynet.distributed import cluster as _cluster
from tinynet.distributed.share import part_of_batch
from tinynet.estimator import TinyNetClassifier

SIZES = (70, 3, 0, 41, 1, 97, 18)
N = sum(SIZES)
X, y = rows(N, dtype=np.float64)
OPTIONS = {"batch_size": 32, "epochs": 3, "rng": 5, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Dead workers and lost connections are what these tests are about."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


def cluster_of(workers, processes=False):
    with (
        dask.config.set(
            {
                "distributed.worker.daemon": True,
                "distributed.scheduler.active-memory-manager.interval": "10ms",
            }
        ),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=processes,
            dashboard_address=":0",
            host="127.0.0.1" if processes else None,
        ) as cluster,
        Client(cluster, timeout=60, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def threads(request):
    """A cluster of so many workers, threads of this process."""
    yield from cluster_of(request.param)


@pytest.fixture(scope="module")
def pair():
    """Two workers, threads of this process."""
    yield from cluster_of(2)


class Mortals:
    """Workers that are processes of their own on loopback, to be killed and replaced.

    No nanny watches over them: under load, Dask's now and then never brings a worker back.
    """

    def __init__(self, client):
        self.client, self.started = client, []

    def start(self):
        """Have one more worker."""
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            self.client.cluster.scheduler_address,
        ]
        command += ["--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        self.started.append(launched(command))

    def be_two(self):
        """Start as many as are missing, and wait for them."""
        self.started = [process for process in self.started if process.poll() is None]
        while len(self.started) < 2:
            self.start()
        self.client.wait_for_workers(2, timeout=240)

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()


def launched(command, **options):
    """Start a process that finds the modules of these tests, and says nothing."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, **quiet, **options)


@pytest.fixture(scope="module")
def mortals():
    for client in cluster_of(0, processes=True):
        workers = Mortals(client)
        try:
            yield workers
        finally:
            workers.end()


@pytest.fixture
def two_alive(mortals):
    mortals.be_two()
    return mortals.client


def blocks(array=None, sizes=SIZES):
    return da.from_array(X if array is None else array, chunks=(sizes, -1)), da.from_array(
        y, chunks=(sizes,)
    )


def parts(optimizer=tn.SGD, loss_fn=tn.NLLLoss, **options):
    net = network(dtype=np.float64)
    return net, loss_fn(), optimizer(net.parameters(), lr=0.05, **options)


def train_here(net, loss_fn, optimizer, X=X, y=y, sizes=SIZES, batch_size=32, epochs=3, rng=5):
    """What `fit` promises to do, on one machine."""
    generator, history = np.random.default_rng(rng), tn.History()
    starts = np.cumsum([0, *sizes])
    batches = -(-len(X) // batch_size)
    for _ in range(epochs):
        seed, losses, accuracies = int(generator.random(1)[0] * 2**53), [], []
        for batch in range(batches):
            chosen = [
                start
                + np.random.default_rng([seed, number]).permutation(size)[
                    part_of_batch(size, number, batch, batches)
                ]
                for number, (start, size) in enumerate(zip(starts, sizes))
            ]
            chosen = np.concatenate(chosen)
            if len(chosen) == 0:
                continue
            outputs = net(X[chosen])
            losses.append(loss_fn(outputs, y[chosen]))
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
            accuracies.append(loss_fn.accuracy(outputs, y[chosen]))
        history.train_loss.append(np.nanmean(losses))
        history.train_accuracy.append(np.nanmean(accuracies))
    return history


def assert_equal(history, expected, net=None, other=None):
    np.testing.assert_allclose(history.train_loss, expected.train_loss, rtol=1e-12)
    np.testing.assert_allclose(history.train_accuracy, expected.train_accuracy, rtol=1e-12)
    if net is not None:
        for name, values in net.state_dict().items():
            np.testing.assert_allclose(values, other.state_dict()[name], rtol=0, atol=1e-12)


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=9),
    batches=st.integers(1, 40),
)
def test_every_row_is_in_one_batch_and_batches_are_alike(sizes, batches):
    counts = np.zeros(batches, int)
    for block, size in enumerate(sizes):
        places = [np.arange(size)[part_of_batch(size, block, k, batches)] for k in range(batches)]
        assert np.concatenate(places).tolist() == list(range(size))
        counts += [len(some) for some in places]
    assert np.ptp(counts) <= len(sizes)


LOSSES = {
    "NLL": (tn.NLLLoss, y),
    "cross-entropy, smoothed sum": (
        lambda: tn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum"),
        y,
    ),
    "NLL, weighted, some ignored": (
        lambda: tn.NLLLoss(weight=[1, 2, 0.5, 3], ignore_index=2),
        y,
    ),
    "cross-entropy, probabilities": (
        tn.CrossEntropyLoss,
        np.random.default_rng(0).dirichlet(np.ones(4), N),
    ),
}


class TestGradient:
    @pytest.mark.parametrize("threads", [1, 2, 3, 5], indirect=True)
    def test_of_the_shares_is_that_of_the_full_batch(self, threads):
        for make_loss, target in LOSSES.values():
            net, loss_fn = network(dtype=np.float64), make_loss()
            target_blocks = da.from_array(target, chunks=(SIZES, *[-1] * (target.ndim - 1)))
            shares = _cluster.Shares(net, loss_fn, blocks()[0], target_blocks, threads)
            shares.deal_out()
            total = shares.gradient(seed=1, batch=0, batches=1)
            assert len(shares.workers) == len(threads.scheduler_info()["workers"])
            shares.release()
            outputs = net(X)
            loss = loss_fn(outputs, target)
            net.backward(loss_fn.backward())
            divisor = total.count if loss_fn.reduction == "mean" else 1
            assert total.rows == N
            ignored = target.ndim == 1 and target == loss_fn.ignore_index
            assert total.scored == N - np.count_nonzero(ignored)
            hits = loss_fn.accuracy(outputs, target) * total.scored / 100
            assert total.hits == pytest.approx(hits, abs=1e-9)
            assert total.anything
            np.testing.assert_allclose(total.loss / divisor, loss, rtol=1e-12)
            for parameter, gradient in zip(net.parameters(), total.gradients):
                assert np.abs(parameter.grad).max() > 1e-4
                np.testing.assert_allclose(
                    gradient / divisor, parameter.grad, rtol=0, atol=1e-12 * max(1, abs(loss))
                )

    def test_each_share_is_the_same_number_of_blocks_where_they_are(self, pair):
        first, second = sorted(pair.scheduler_info()["workers"])
        placed = da.concatenate(
            [
                pair.persist(da.ones((9, 12), chunks=(3, 12)), workers=[first]),
                pair.persist(da.zeros((6, 12), chunks=(3, 12)), workers=[second]),
            ]
        )
        labels = da.from_array(np.zeros(15, int), chunks=3)
        shares = _cluster.Shares(network(dtype=np.float64), tn.NLLLoss(), placed, labels, pair)
        shares.deal_out()
        others = {f"other {k}" for k in range(3)}
        placed = shares._place([first, second, *others])
        assert placed[first] == [0] and placed[second] == [3] and placed.keys() >= others
        assert shares._place([first, second]) == {first: [0, 1, 2], second: [3, 4]}
        assert shares._place([second]) == {second: [0, 1, 2, 3, 4]}


class TestFit:
    @pytest.mark.parametrize("threads", [1, 3], indirect=True)
    def test_equals_training_on_one_machine(self, threads):
        net, loss_fn, optimizer = parts(tn.Adam)
        history = tnd.fit(net, loss_fn, optimizer, *blocks(), client=threads, **OPTIONS)
        net2, loss_fn2, optimizer2 = parts(tn.Adam)
        assert_equal(history, train_here(net2, loss_fn2, optimizer2), net, net2)

    def test_unequal_sums_and_tiny_batches(self, pair):
        options = OPTIONS | {"batch_size": 2, "epochs": 1}
        loss = LOSSES["cross-entropy, smoothed sum"][0]
        net, loss_fn, optimizer = parts(tn.SGD, loss, momentum=0.5)
        history = tnd.fit(net, loss_fn, optimizer, *blocks(), client=pair, **options)
        net2, loss_fn2, optimizer2 = parts(tn.SGD, loss, momentum=0.5)
        expected = train_here(net2, loss_fn2, optimizer2, batch_size=2, epochs=1)
        assert_equal(history, expected, net, net2)

    def test_a_frozen_layer_stays_as_it_is(self, pair):
        trained = []
        for where in ("there", "here"):
            net, loss_fn, optimizer = parts(tn.Adam)
            net[0].requires_grad_(False)
            before = net[0].W.data.copy()
            if where == "there":
                history = tnd.fit(net, loss_fn, optimizer, *blocks(), client=pair, **OPTIONS)
            else:
                history = train_here(net, loss_fn, optimizer)
            assert (net[0].W.data == before).all() and net[0].W.grad is None
            trained.append((history, net))
        assert_equal(trained[0][0], trained[1][0], trained[0][1], trained[1][1])

    def test_float32_and_a_test_set(self, pair):
        net = network()
        test = rows(20, seed=1)
        history = tnd.fit(
            *(net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.05)),
            *blocks(X.astype(np.float32)),
            test=test,
            client=pair,
            **OPTIONS,
        )
        net2 = network()
        expected = train_here(
            net2, tn.NLLLoss(), tn.SGD(net2.parameters(), lr=0.05), X.astype(np.float32)
        )
        np.testing.assert_allclose(history.train_loss, expected.train_loss, rtol=1e-5)
        assert len(history.test_loss) == 3
        assert history.test_loss[-1] == tn.evaluate(net, tn.NLLLoss(), *test)[0]

    def test_ignored_rows_do_not_count_and_batches_without_others_are_left_out(self, pair):
        labels = np.where(np.arange(N) % 7 == 0, y, -1)
        options = OPTIONS | {"batch_size": 2, "epochs": 1}
        loss = lambda: tn.NLLLoss(ignore_index=-1)  # noqa: E731
        net, loss_fn, optimizer = parts(tn.SGD, loss, momentum=0.5)
        target = da.from_array(labels, chunks=(SIZES,))
        history = tnd.fit(
            net, loss_fn, optimizer, blocks()[0], target, client=pair, **options
        )  # fmt: skip
        twin, loss_fn, optimizer = parts(tn.SGD, loss, momentum=0.5)
        with np.errstate(all="raise"):
            expected = train_here(twin, loss_fn, optimizer, y=labels, batch_size=2, epochs=1)
        assert_equal(history, expected, net, twin)
        assert np.isfinite(history.train_loss).all() and np.isfinite(history.train_accuracy).all()

    def test_data_in_which_no_row_counts(self, pair):
        net, loss_fn, optimizer = parts(tn.SGD, lambda: tn.NLLLoss(ignore_index=-1))
        before = learned(net, optimizer)
        target = da.from_array(np.full(N, -1), chunks=(SIZES,))
        with pytest.raises(ValueError, match=r"distributed\.fit: no row counts in the loss: every"):
            tnd.fit(net, loss_fn, optimizer, blocks()[0], target, client=pair, **OPTIONS)
        assert learned(net, optimizer) == before

    def test_what_is_no_loss_for_workers_no_dask_array_or_no_test_set(self, pair):
        class Own(tn.Module):
            pass

        net, loss_fn, optimizer = parts()
        X_blocks, y_blocks = blocks()
        loader = tn.DataLoader(X, y)
        for arguments, error, message in [
            ((Own(), X_blocks, y_blocks), TypeError, r"loss_fn is Own\(\) without `reduction`"),
            ((tn.NLLLoss, X_blocks, y_blocks), TypeError, "loss_fn is the class NLLLoss"),
            ((loss_fn, loader, y_blocks), TypeError, r"X is DataLoader.*from_array\(X\.X, "),
            ((loss_fn, X, y_blocks), TypeError, r"X is ndarray, .*from_array\(X, "),
        ]:
            with pytest.raises(error, match=f"distributed.fit: {message}"):
                tnd.fit(net, arguments[0], optimizer, *arguments[1:], client=pair, **OPTIONS)
        for test, error, message in [
            (loader, TypeError, "test is a DataLoader, expected a pair"),
            ((X, y[:3]), ValueError, f"test: X has {N} rows but y has 3"),
            ((X[:, :5], y), ValueError, "input has 5 features"),
            ((X, np.full(N, -100)), ValueError, "test: no row counts"),
        ]:
            with pytest.raises(error, match=message):
                tnd.fit(net, loss_fn, optimizer, *blocks(), client=pair, test=test, **OPTIONS)

    def test_the_scheduler_takes_no_part_in_a_step(self, pair):
        net, loss_fn, _ = parts()
        shares = _cluster.Shares(net, loss_fn, *blocks(), pair)
        shares.deal_out()

        def tasks_seen(dask_scheduler):
            return dask_scheduler.transition_counter

        before = pair.run_on_scheduler(tasks_seen)
        for batch in range(20):
            shares.gradient(seed=1, batch=batch, batches=20)
        assert pair.run_on_scheduler(tasks_seen) == before > 0

    def test_data_frames_from_parquet_files(self, pair, tmp_path):
        frame = pd.DataFrame(X, columns=[f"pixel {k}" for k in range(12)]).assign(label=y)
        dd.from_pandas(frame, npartitions=4).to_parquet(tmp_path)
        read = dd.read_parquet(tmp_path)
        net, loss_fn, optimizer = parts()
        pixels = read.drop(columns="label")
        history = tnd.fit(net, loss_fn, optimizer, pixels, read["label"], client=pair, **OPTIONS)
        (sizes, _) = pixels.to_dask_array().compute_chunk_sizes().chunks
        assert_equal(history, train_here(*parts(), sizes=sizes))

    def test_blocks_of_npy_files(self, pair, tmp_path):
        da.to_npy_stack(tmp_path, blocks()[0])
        X_read = da.from_npy_stack(tmp_path)
        history = tnd.fit(*parts(), X_read, blocks()[1], client=pair, **OPTIONS)
        assert_equal(history, train_here(*parts()))

    def test_a_checkpoint_goes_on(self, pair, tmp_path, capsys):
        path = tmp_path / "run.safetensors"
        options = OPTIONS | {"checkpoint": path, "client": pair}
        tnd.fit(*parts(tn.Adam), *blocks(), **options | {"epochs": 2})
        net, loss_fn, optimizer = parts(tn.Adam)
        history = tnd.fit(net, loss_fn, optimizer, *blocks(), **options | {"progress": True})
        assert capsys.readouterr().out.count("epoch") == 1
        net2, loss_fn2, optimizer2 = parts(tn.Adam)
        assert_equal(history, train_here(net2, loss_fn2, optimizer2), net, net2)

    def test_a_plan_as_on_one_machine(self, pair, tmp_path):
        """Rates, validation and early stopping, in one go and from a checkpoint."""
        validation = rows(40, seed=1, dtype=np.float64)
        plan = {"early_stopping": tn.EarlyStopping(2), "schedule": tn.StepLR(1, 0.5)}
        options = OPTIONS | plan | {"validation": validation, "client": pair}
        net2, loss_fn2, optimizer2 = parts(tn.Adam)
        expected, losses, weights, generator = tn.History(), [], [], np.random.default_rng(5)
        optimizer2.lr = 3.2
        while not plan["early_stopping"].is_over(tn.History(validation_loss=losses)):
            one = train_here(net2, loss_fn2, optimizer2, epochs=1, rng=generator)
            expected.train_loss += one.train_loss
            expected.train_accuracy += one.train_accuracy
            losses.append(tn.evaluate(net2, loss_fn2, *validation)[0])
            weights.append(net2.state_dict())
            optimizer2.lr /= 2
        best = int(np.argmin(losses))
        assert 0 < best < len(losses) - 1 < 30
        for stops in ([99], [best + 1, 99]):
            path = tmp_path / f"{len(stops)}"
            for epochs in stops:
                net, loss_fn, optimizer = parts(tn.Adam)
                optimizer.lr = 3.2
                saved = {"checkpoint": path, "epochs": epochs}
                history = tnd.fit(net, loss_fn, optimizer, *blocks(), **options | saved)
            assert_equal(history, expected)
            np.testing.assert_allclose(history.validation_loss, losses, rtol=1e-9)
            for name, values in net.state_dict().items():
                np.testing.assert_allclose(values, weights[best][name], rtol=0, atol=1e-9)
        with pytest.raises(ValueError, match=r"distributed\.fit: early_stopping goes by the valid"):
            tnd.fit(*parts(), *blocks(), **options | {"validation": None})

    def test_a_checkpoint_of_another_run(self, pair, tmp_path, capsys):
        path = tmp_path / "run.safetensors"
        options = OPTIONS | {"checkpoint": path, "client": pair, "epochs": 1}
        tnd.fit(*parts(tn.Adam), *blocks(), test=(X[:9], y[:9]), **options)
        changed_test = {"test": (X[:9], np.roll(y[:9], 1))}
        for other, data, changes, words in [
            (parts(tn.Adam, eps=1e-7), blocks(), {}, r"optimizer\.eps is 1e-07, the file's 1e-08"),
            (
                parts(tn.Adam, lambda: tn.NLLLoss([1, 1, 2, 1])),
                blocks(),
                {},
                r"loss\.weight is \[1",
            ),
            (parts(tn.Adam), blocks(sizes=(N,)), {}, r"data\.blocks is"),
            (parts(tn.Adam), blocks(), {"rng": 6}, r"loader\.seed is 6, the file's 5"),
            (parts(tn.Adam), blocks(), {"batch_size": 31}, r"loader\.batch_size is 31"),
            (parts(tn.Adam), blocks(), changed_test, "test is"),
        ]:
            same_test = {"test": (X[:9], y[:9])}
            with pytest.raises(tn.ModelFileError, match=words):
                tnd.fit(*other, *data, **options | same_test | changes)
        other = parts(tn.Adam)
        other[2].lr = 0.01
        with pytest.raises(tn.ModelFileError, match=r"lr is 0\.01, .* add changed=\['lr'\]"):
            tnd.fit(*other, *blocks(), **options | same_test)
        assert capsys.readouterr().out == ""
        history = tnd.fit(*other, *blocks(), **options | same_test, changed=["lr"])
        assert len(history) == 1
        out = capsys.readouterr().out
        assert out.startswith("distributed.fit: nothing is left to do: ")
        assert f"{path} holds 1 epochs" in out
        history = tnd.fit(*other, *blocks(), **options | same_test | {"epochs": 2, "changed": "lr"})
        assert len(history) == 2
        assert other[2].lr == 0.01


def slow_parts():
    rng = np.random.default_rng(0)
    net = tn.Sequential(
        tn.Linear(12, 9, rng=rng, dtype=np.float64),
        Slow(),
        tn.ReLU(),
        tn.Linear(9, 4, rng=rng, dtype=np.float64),
        tn.LogSoftmax(),
    )
    return net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.05)


def at_step(monkeypatch, step, act):
    """Call `act(shares)` right before this step of the run."""
    original, taken = _cluster.Shares.gradient, []

    def counted(self, *arguments):
        taken.append(arguments)
        if len(taken) == step:
            act(self)
        return original(self, *arguments)

    monkeypatch.setattr(_cluster.Shares, "gradient", counted)


class TestDeaths:
    @pytest.mark.slow
    @pytest.mark.parametrize("who", [0, 1], ids=["root", "leaf"])
    def test_a_killed_workers_share_is_taken_over(self, two_alive, monkeypatch, who):
        pids = two_alive.run(os.getpid)
        dealt = []

        def kill(shares):
            dealt.append(shares.workers)
            later = f"import os, time; time.sleep(0.03); os.kill({pids[shares.workers[who]]}, 9)"
            killers.append(subprocess.Popen([sys.executable, "-S", "-c", later]))

        killers = []
        at_step(monkeypatch, 12, kill)
        net, loss_fn, optimizer = slow_parts()
        history = tnd.fit(net, loss_fn, optimizer, *blocks(), client=two_alive, **OPTIONS)
        assert [killer.wait() for killer in killers] == [0]
        assert len(dealt[0]) == 2
        victim = dealt[0][who]
        assert victim not in two_alive.scheduler_info()["workers"]
        net2, loss_fn2, optimizer2 = slow_parts()
        assert_equal(history, train_here(net2, loss_fn2, optimizer2), net, net2)

    @pytest.mark.slow
    def test_a_worker_that_comes_for_a_killed_one_gets_a_share(
        self, two_alive, mortals, monkeypatch
    ):
        pids = two_alive.run(os.getpid)
        seen = []

        def kill(shares):
            os.kill(pids[shares.workers[0]], signal.SIGKILL)

        original = _cluster.Shares.take_in_newcomers

        def waiting(shares):
            if len(seen) >= 1:
                mortals.be_two()
            original(shares)
            seen.append(shares.workers)

        at_step(monkeypatch, 4, kill)
        monkeypatch.setattr(_cluster.Shares, "take_in_newcomers", waiting)
        history = tnd.fit(*parts(), *blocks(), client=two_alive, **OPTIONS)
        assert [len(workers) for workers in seen] == [2, 2, 2]
        assert set(seen[0]) != set(seen[1]) == set(seen[2])
        assert_equal(history, train_here(*parts()))

    @pytest.mark.slow
    def test_a_lost_scheduler_is_a_clear_error_and_the_checkpoint_stands(
        self, tmp_path, monkeypatch, pair
    ):
        path, where = tmp_path / "run.safetensors", tmp_path / "scheduler.json"
        common = ["--scheduler-file", str(where)]
        module, local = "distributed.cli.dask_", ["--host", "127.0.0.1", "--no-dashboard"]
        commands = [
            [f"{module}scheduler", *local, "--port", "0"],
            [f"{module}worker", *local, "--nthreads", "1", "--no-nanny"],
        ]
        started = [
            launched([sys.executable, "-m", *command, *common], cwd=tmp_path)
            for command in commands
        ]
        try:
            deadline = time.monotonic() + 60
            while not where.exists() or not where.read_text():
                assert time.monotonic() < deadline, "the scheduler did not start"
                time.sleep(0.05)
            with Client(json.loads(where.read_text())["address"], timeout=60) as client:

                def kill(shares):
                    monkeypatch.setattr(_cluster, "SILENCE", 2.0)
                    started[0].kill()

                at_step(monkeypatch, 17, kill)
                begin = time.monotonic()
                with pytest.raises(tnd.SchedulerLost, match="holds the first 2 epochs"):
                    tnd.fit(
                        *slow_parts(),
                        *blocks(),
                        client=client,
                        checkpoint=path,
                        **OPTIONS | {"epochs": 500},
                    )
                assert time.monotonic() - begin < 60
        finally:
            for process in started:
                process.kill()
                process.wait()
        monkeypatch.undo()
        history = tnd.fit(*slow_parts(), *blocks(), client=pair, checkpoint=path, **OPTIONS)
        assert_equal(history, train_here(*slow_parts()))

    def test_no_worker_for_long_is_a_clear_error(self, monkeypatch):
        monkeypatch.setattr(_cluster, "PATIENCE", 0.4)
        monkeypatch.setattr(_cluster, "LOOK_AROUND", 0.2)
        for client in cluster_of(0):
            with pytest.raises(tnd.SchedulerLost, match=r"no worker for 0\.4 s; start some"):
                tnd.fit(*parts(), *blocks(), client=client, **OPTIONS)


@pytest.mark.parametrize("row", [0, 59, 60, 61, 130, 229])
def test_a_row_that_an_error_names_is_counted_in_the_whole_data(pair, row):
    wrong, labels = X.copy(), y.copy()
    wrong[row, 3], labels[row] = np.inf, 17
    cut = {"X": (60, 60, 60, 50), "y": (60, 60, 60, 50)}
    blocks_of = {
        name: da.from_array(a, chunks=(cut[name], *a.shape[1:])) for name, a in (("X", X), ("y", y))
    }
    for name, array, error, message in (
        ("X", wrong, ValueError, rf"X holds inf at row {row}, column 3;"),
        ("y", labels, IndexError, rf"labels\[{row}\] = 17 is outside \[0, 4\)"),
    ):
        changed = da.from_array(array, chunks=(cut[name], *array.shape[1:]))
        with pytest.raises(error, match=message):
            tnd.fit(*parts(), **(blocks_of | {name: changed}), client=pair, **OPTIONS)


class TestFaults:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"X": X}, TypeError, r"X is ndarray, expected a dask array; use dask\.array"),
            ({"y": da.ones(7)}, ValueError, "X has 230 rows and y has 7"),
            ({"X": da.ones((N, 2, 2))}, ValueError, "expected \\(n, features\\)"),
            ({"X": da.ones((N, 5))}, ValueError, "5 features, expected 12"),
            ({"X": da.ones((N, 12), dtype=np.float32)}, TypeError, "float32, expected float64"),
            ({"X": da.full((N, 12), np.nan)}, ValueError, "X holds nan at row 0"),
            ({"y": da.full(N, 4)}, IndexError, r"labels\[0\] = 4 is outside \[0, 4\)"),
            ({"batch_size": 0}, ValueError, "batch_size = 0, expected an int of at least 1"),
            ({"epochs": 0}, ValueError, "epochs = 0"),
            ({"loss_fn": tn.NLLLoss(reduction="none")}, ValueError, "no single number"),
            (
                {"optimizer": parts()[2]},
                ValueError,
                "distributed.fit: the optimizer holds no parameter of this",
            ),
        ],
    )
    def test_are_named_before_anything_is_learned(self, pair, change, error, message):
        net, loss_fn, optimizer = parts()
        before = learned(net, optimizer)
        X_blocks, y_blocks = blocks()
        arguments = {"loss_fn": loss_fn, "optimizer": optimizer, "X": X_blocks, "y": y_blocks}
        with pytest.raises(error, match=message):
            tnd.fit(net, **arguments | OPTIONS | change, client=pair)
        assert learned(net, optimizer) == before

    def test_no_cluster(self):
        with pytest.raises(ValueError, match="there is no cluster"):
            tnd.fit(*parts(), *blocks(), **OPTIONS)

    def test_data_that_cannot_be_loaded(self, pair):
        def broken(block):
            raise OverflowError("this block cannot be read")

        X_blocks = blocks()[0].map_blocks(broken, meta=np.empty((0, 0)), dtype=np.float64)
        with pytest.raises(OverflowError, match="this block cannot be read"):
            tnd.fit(*parts(), X_blocks, blocks()[1], client=pair, **OPTIONS)

    def test_a_run_that_diverges(self, pair):
        net, loss_fn, optimizer = parts()
        optimizer.lr = 1e300
        with (
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match="smaller learning rate") as stop,
        ):
            tnd.fit(net, loss_fn, optimizer, *blocks(), client=pair, **OPTIONS)
        assert len(stop.value.history) == 0
        assert all(np.isfinite(parameter.data).all() for parameter in net.parameters())

    def test_a_step_that_would_not_be_finite(self, pair):
        net, loss_fn, optimizer = parts(tn.RMSprop)
        optimizer.lr = 1e308
        before = learned(net, optimizer)
        with pytest.raises(
            FloatingPointError,
            match=r"distributed\.fit: this step would put NaN or infinity into 0\.weight, in "
            r"epoch 1, batch 1, .* Try a smaller learning rate",
        ):
            tnd.fit(net, loss_fn, optimizer, *blocks(), client=pair, **OPTIONS)
        assert learned(net, optimizer) == before


class TestManyModels:
    @pytest.mark.slow
    @pytest.mark.parametrize("mark", ["", "died"], ids=["undisturbed", "a worker dies"])
    def test_a_grid_search_gives_the_bits_of_a_serial_one(self, two_alive, tmp_path, mark):
        workers = set(two_alive.scheduler_info()["workers"])
        X, y = rows(600, dtype=np.float64)
        folds = list(StratifiedKFold(2).split(X, y))

        def search(mark):
            return GridSearchCV(
                DiesOnce(mark=mark, epochs=3),
                {"lr": [0.02, 0.01], "random_state": [0, 1, 2, 3]},
                cv=folds,
            )

        serial = search("").fit(X, y)
        path = str(tmp_path / mark) if mark else ""
        two_alive.amm.stop()
        everything = [X, y, *sum(folds, ())]
        with two_alive.as_current(), joblib.parallel_config(backend="dask", scatter=everything):
            parallel = search(path).fit(X, y)
        two_alive.amm.start()
        assert os.path.exists(path) == bool(mark)
        if mark:
            assert workers != set(two_alive.scheduler_info()["workers"])
        for name, values in serial.cv_results_.items():
            if "time" not in name and name != "params":
                assert same_bits(
                    np.asarray(parallel.cv_results_[name], float), np.asarray(values, float)
                ), name
        assert parallel.best_params_ == serial.best_params_
        ours, theirs = parallel.best_estimator_.network_, serial.best_estimator_.network_
        assert tn.fingerprint(ours) == tn.fingerprint(theirs)

    @pytest.mark.slow
    def test_one_thread_per_worker_and_no_more(self):
        def threads_of_libraries():
            TinyNetClassifier(epochs=1).fit(X, y)
            return [library["num_threads"] for library in threadpool_info()]

        for client in cluster_of(2, processes=True):
            for counts in client.run(threads_of_libraries).values():
                assert set(counts) == {1}
