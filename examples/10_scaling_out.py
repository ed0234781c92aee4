"""
Many networks at once: a sweep on a cluster
===========================================

Nobody can derive the right learning rate. So one trains the same network with many, on as many
processors as there are: those of this machine, or of a whole cluster. scikit-learn says what is
tried, Dask says where, and the script is the same for both.
"""

# %%
# A *grid search* trains a network for every combination of some settings, and scores each on
# digits laid aside. The runs know nothing of one another, so they can all run at the same time.
#
# Three things meet here, and none had to be changed for the others. `TinyNetClassifier` is a
# network of tinynet's with scikit-learn's methods. `GridSearchCV` is scikit-learn's search; it
# hands its runs to joblib. And joblib hands them to Dask, whose *scheduler* gives each to a
# *worker* that is free.

from contextlib import contextmanager

import joblib
import numpy as np
from distributed import Client, LocalCluster
from lesson import Lesson
from sklearn.model_selection import GridSearchCV, ShuffleSplit

import tinynet as tn
from tinynet.estimator import TinyNetClassifier

lesson = Lesson(
    __doc__, epochs=5, scheduler="address of a Dask scheduler (workers of our own, on all cores)"
)

# %%
# The grid: how long the steps are, how many units the hidden layer has, and where chance starts.
# The learning rates are spread by factors, not by differences, since from 0.001 to 0.002 is as far
# as from 0.01 to 0.02.

RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
WIDTHS = (8, 16, 32, 64)
SEEDS = (2 * lesson.seed, 2 * lesson.seed + 1)


def classifier():
    """Make a classifier with what all runs share."""
    return TinyNetClassifier(optimizer="adam", batch_size=32, epochs=lesson.epochs)


def settings(rate, width, seed):
    """Name one point of the grid in scikit-learn's way."""
    return {"lr": rate, "hidden_layer_sizes": (width,), "random_state": seed}


# %%
# A worker is a process of its own, with one thread: a run keeps one core busy, and more threads
# than cores would only get in each other's way. `parallel_config` is the whole bridge between
# scikit-learn and the cluster. `scatter` sends the digits, and the rows laid aside, to each worker
# once, not with each run.
#
# If a worker dies, the scheduler gives its runs to another one. If one joins, it gets some. Dask's
# memory manager would reduce what is scattered to one copy, to be lost with its worker, so
# `amm.stop` stops it.


@contextmanager
def cluster():
    """Connect to the scheduler of --scheduler, or start workers on this machine."""
    if lesson.options["scheduler"]:
        with Client(lesson.options["scheduler"]) as client:
            yield client
    else:
        with (
            LocalCluster(threads_per_worker=1, dashboard_address=":0") as local,
            Client(local) as c,
        ):
            yield c


def sweep(X, y):
    """Score every point of the grid on the digits laid aside: (rates, widths, seeds), percent."""
    folds = list(ShuffleSplit(1, test_size=0.2, random_state=lesson.seed).split(X))
    search = GridSearchCV(
        classifier(),
        [
            {name: [value] for name, value in settings(rate, width, seed).items()}
            for rate in RATES
            for width in WIDTHS
            for seed in SEEDS
        ],
        cv=folds,
        refit=False,
    )
    with cluster() as client:
        client.wait_for_workers(1, timeout=60)
        print(f"{len(client.scheduler_info()['workers'])} workers")
        client.amm.stop()
        with joblib.parallel_config(backend="dask", scatter=[X, y, *sum(folds, ())]):
            search.fit(X, y)
    scores = 100 * search.cv_results_["mean_test_score"]
    return scores.reshape(len(RATES), len(WIDTHS), len(SEEDS))


# %%
# Is it the same network, wherever it was trained? The weights of a run follow from its seed alone,
# and the sums of its arithmetic have one order on every machine of a kind. So we train some
# networks of the grid again, here, without any cluster, and count those whose score differs.


def differing(scores, X, y):
    """Train three networks of the grid here; count those whose score is not the cluster's."""
    ((train, aside),) = ShuffleSplit(1, test_size=0.2, random_state=lesson.seed).split(X)
    count = 0
    for place in ((2, 0, 0), (3, 1, 1), (4, 2, 0)):
        rate, width, seed = (axis[k] for axis, k in zip((RATES, WIDTHS, SEEDS), place, strict=True))
        here = classifier().set_params(**settings(rate, width, seed)).fit(X[train], y[train])
        lesson.fingerprint(here.network_)
        count += 100 * here.score(X[aside], y[aside]) != scores[place]
    return count


# %%
# Every worker begins by reading this script, to know what is defined in it. What follows must
# happen only once, in the process that was started by hand, and that is what the `if` asks for.
# Without it every worker would start workers.
#
# The heat map has one field for each learning rate and width, the mean of the seeds. Along each
# row, wider is better, by less each time. Down each column there is a best learning rate: below it
# the network is still on its way when the epochs are over, above it the steps are too long to get
# into the valley. It is much the same for all widths; so one may look for it with a small network,
# where that is cheap.

if __name__ == "__main__":
    digits = lesson.digits()
    X, y = tn.data.minmax_scale(digits.images), digits.labels
    scores = sweep(X, y)
    means = scores.mean(axis=2)

    print("\naccuracy (%) on digits laid aside, mean of 2 seeds")
    print("learning rate " + "".join(f"{width:>9} units" for width in WIDTHS))
    for rate, row in zip(RATES, means, strict=True):
        print(f"{rate:<13g} " + "".join(f"{mean:>15.2f}" for mean in row))

    figure = tn.plots.heat_map(
        means,
        [f"{rate:g}" for rate in RATES],
        [str(width) for width in WIDTHS],
        "units in the hidden layer",
        "learning rate",
        "accuracy on digits laid aside (%)",
        f"{scores.size} networks, {lesson.epochs} epochs each",
        "{:.1f}",
    )
    lesson.save(figure, "10_heat_map")

    by_rate, by_width = means.mean(axis=1), means.max(axis=0)
    lesson.claim(
        "scores that differ from those of a run without cluster, of 3",
        differing(scores, X, y),
        at_most=0,
        trained=False,
    )
    lesson.claim("best accuracy (%)", means.max(), at_least=94)
    lesson.claim(
        "best learning rate instead of the smallest (points)",
        by_rate.max() - by_rate[0],
        at_least=3,
    )
    lesson.claim("64 units instead of 8 (points)", by_width[-1] - by_width[0], at_least=2)
    lesson.claim("two seeds differ by (points, mean)", np.abs(np.diff(scores)).mean(), at_most=2)
    lesson.finish()
