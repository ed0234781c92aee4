"""tinynet beside its peers: seconds per epoch of the main lesson, in interleaved rounds.

Every peer is a process of its own (``peers/``), once at one thread and once at its default. All are
kept alive, and in each round each trains one epoch, one after the other: a shared machine drifts,
but it drifts for all of them. Only the ratios count. A peer that has not learned after five epochs
what tinynet has learned fails the command. With ``--pictures``, the networks are a CNN and LeNet-5,
see training_pictures.py.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import training_pictures
from contest import EPOCHS, Process, Results, measure
from machine import describe, headline, parse, print_table
from processors import FIGURES, add_keep, keep

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ACCURACY_BAND = 2.0  # percentage points from tinynet's
LOSS_BAND = 0.05  # share of tinynet's loss

PEERS = {
    "tinynet_fit": "tinynet, `tn.fit`",
    "tinynet_loop": "tinynet, your own loop",
    "pytorch_course": "PyTorch, the course's loop",
    "pytorch_bare": "PyTorch, bare tensors",
    "pytorch_compile": "PyTorch, torch.compile",
    "jax_scan": "JAX, jitted lax.scan",
    "numpy_by_hand": "NumPy by hand, OpenBLAS",
    "sklearn_mlp": "scikit-learn, MLPClassifier",
    "thinc_mlp": "thinc",
    "plain_c": "plain C, dense",
    "plain_c_skipping_zeros": "plain C, skipping zeros",
}
VARIANTS = {
    "tinynet_loop_scored": "your own loop, scored",
    "tinynet_loop_with_dx": "your own loop, scored, with dx",
    "tinynet_fit_own_relu": "`tn.fit`, ReLU on your own kernels",
    "tinynet_fit_own_tanh": "`tn.fit`, Tanh on your own kernels",
    "tinynet_fit_numpy_tanh": "`tn.fit`, Tanh in your own NumPy",
}
"""What tinynet does with a reader's own code: a loop, and layers in three places."""
NETWORKS = {
    "the lesson's, with BatchNorm1d": ("tinynet_fit_batchnorm", "pytorch_batchnorm", ">= 3"),
    "the lesson's, with Dropout": ("tinynet_fit_dropout", "pytorch_dropout", ">= 3"),
    "autoencoder 784-250-50-250-784": ("tinynet_fit_autoencoder", "pytorch_autoencoder", ">= 1.5"),
}
"""Other networks: tinynet's peer, PyTorch's, and how much faster tinynet is asked to be.

The autoencoder ends with Sigmoid and learns its own input by MSELoss and Adam at 0.001; its
accuracy is the share of the pixels' variance that the rebuilt digits have.
"""
OF_NETWORKS = {
    peer: f"{who}, {network}"
    for network, pair in NETWORKS.items()
    for who, peer in zip(("tinynet, `tn.fit`", "PyTorch, bare tensors"), pair)
}
NAMES = PEERS | VARIANTS | OF_NETWORKS
OTHER_NETWORKS = ("tinynet_fit_own_tanh", "tinynet_fit_numpy_tanh")  # Tanh learns otherwise
TWO_FITS = "tinynet_two_fits"
RATIOS = (
    ("your own loop with loss and accuracy / fit", "tinynet_loop_with_dx", "tinynet_fit", "<= 3.2"),
    ("the same without the input's gradient / fit", "tinynet_loop_scored", "tinynet_fit", "<= 2.5"),
    ("NumPy by hand / your own loop", "numpy_by_hand", "tinynet_loop", ">= 1.2"),
    ("bare PyTorch / your own loop", "pytorch_bare", "tinynet_loop", ">= 4"),
    ("fit with your NumPy Tanh / fit with ReLU", "tinynet_fit_numpy_tanh", "tinynet_fit", "<= 2.6"),
    ("fit with ReLU on your kernels / fit", "tinynet_fit_own_relu", "tinynet_fit", "<= 1.6"),
    ("fit with Tanh on your kernels / fit with ReLU", "tinynet_fit_own_tanh", "tinynet_fit", ""),
)
"""What your own code costs, and what is asked of it."""
FITS = (
    ("second fit of a process, 2 epochs / long fit, per epoch", "second", "<= 1.3"),
    ("first fit of a process, 2 epochs / long fit, per epoch", "first", ""),
)


def faults(processes: list[Process]) -> list[str]:
    """Who has not learned what tinynet has learned."""
    partners = {theirs: ours for ours, theirs, _ in NETWORKS.values()}
    found = []
    for process in processes:
        if process.peer in OTHER_NETWORKS or process.peer in partners.values():
            continue
        partner = partners.get(process.peer, "tinynet_fit")
        ours = next((p for p in processes if p.peer == partner), None)
        if ours is None:  # it was skipped, and that is told
            continue
        loss, our_loss = process.losses[EPOCHS - 1], ours.losses[EPOCHS - 1]
        who = f"{NAMES[process.peer]} ({process.threads})"
        if not abs(process.accuracy - ours.accuracy) <= ACCURACY_BAND:
            found.append(f"{who}: accuracy {process.accuracy:.2f} %, tinynet's {ours.accuracy:.2f}")
        if not abs(loss - our_loss) <= LOSS_BAND * our_loss:
            found.append(f"{who}: loss {loss:.4f}, tinynet's {our_loss:.4f}")
    return found


def told(who: str) -> str:
    """Peer and threads in the words of the tables."""
    peer, comma, threads = who.partition(", ")
    return f"{NAMES.get(peer, peer)}{comma}{threads}"


def best(processes: list[Process]) -> dict[str, Process]:
    """Each peer at its faster thread setting."""
    chosen: dict[str, Process] = {}
    for process in sorted(processes, key=lambda p: statistics.median(p.seconds)):
        chosen.setdefault(process.peer, process)
    return chosen


def print_results(results: Results, rounds: int) -> None:
    processes = results.processes
    print(f"\n{headline()}\n\nSeconds per epoch, {rounds} interleaved rounds:\n")
    chosen = best(processes)
    ours = statistics.median(chosen["tinynet_fit"].seconds)
    fastest = min(chosen["tinynet_fit"].seconds)
    rows = []
    for p in processes:
        if p.peer in OF_NETWORKS:
            continue
        median = statistics.median(p.seconds)
        ratio, of_fastest = f"{median / ours:.2f}", f"{min(p.seconds) / fastest:.2f}"
        times = (f"{t:.4f}" for t in (median, min(p.seconds), max(p.seconds)))
        learned = (f"{p.losses[EPOCHS - 1]:.4f}", f"{p.accuracy:.2f}")
        if chosen[p.peer] is p:
            ratio = f"**{ratio}**"
        rows.append((NAMES[p.peer], p.threads, *times, ratio, of_fastest, *learned))
    times_of = ("median", "min", "max", "/ tinynet", "min / min")
    print_table(("peer", "threads", *times_of, "loss", "accuracy (%)"), rows)
    print(
        "Loss of the fifth epoch, accuracy on 2,000 other digits after it. Bold: the better\n"
        "thread setting of each peer, over tinynet's better one. min / min: the same of the\n"
        "fastest epochs, which a neighbour on a shared machine has disturbed least.\n"
    )
    print_ratios(chosen, results.fresh)
    print_networks(chosen)
    for who, why in results.skipped.items():
        print(f"skipped: {told(who)}: {why}")


def print_ratios(chosen: dict[str, Process], fresh: list[dict[str, float]]) -> None:
    """What a reader's own code costs, from the same rounds."""
    rows = []
    for what, above, below, asked in RATIOS:
        if above in chosen and below in chosen:
            seconds = chosen[above].seconds, chosen[below].seconds
            ratio, of_fastest = (f(seconds[0]) / f(seconds[1]) for f in (statistics.median, min))
            rows.append((what, f"{ratio:.2f}", f"{of_fastest:.2f}", asked))
    for what, which, asked in FITS if fresh else ():
        ratios = [times[which] / times["long"] for times in fresh]
        rows.append((what, f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}", asked))
    print("Your own code, in the same rounds:\n")
    print_table(("ratio", "median", "min / min", "asked for"), rows)
    print(
        "Your own loop: the README's five lines after `tn.compile`. Own layers stand in three\n"
        "places. A process's first fit finds compiled code on disk; the smallest of "
        f"{len(fresh)}\nprocesses stands under min / min.\n"
    )


def print_networks(chosen: dict[str, Process]) -> None:
    """Other networks, PyTorch and tinynet each at its faster thread setting."""
    rows = []
    for network, (ours, theirs, asked) in NETWORKS.items():
        if ours in chosen and theirs in chosen:
            pair = [chosen[peer] for peer in (ours, theirs)]
            medians, fastest = ([f(p.seconds) for p in pair] for f in (statistics.median, min))
            learned = (f"{p.losses[EPOCHS - 1]:.4f}, {p.accuracy:.2f}" for p in pair)
            times = (f"{p.threads}: {median:.4f}" for p, median in zip(pair, medians))
            ratios = (f"{seconds[1] / seconds[0]:.2f}" for seconds in (medians, fastest))
            rows.append((network, *times, *ratios, asked, *learned))
    if not rows:
        return
    columns = ("tinynet (s)", "PyTorch (s)", "PyTorch / tinynet", "min / min", "asked for")
    print("Other networks, in the same rounds, each at its better number of threads:\n")
    print_table(("network", *columns, "tinynet learned", "PyTorch learned"), rows)
    print("Learned: the loss of the fifth epoch, and the accuracy after it.\n")


def ratios_to_keep(chosen: dict[str, Process]) -> dict[str, str]:
    """How many times as long as tinynet's each peer's epoch takes."""
    ours_of = {theirs: ours for ours, theirs, _ in NETWORKS.values()}
    found = {}
    for peer in FIGURES.keys() & chosen.keys():
        pair = chosen[peer], chosen[ours_of.get(peer, "tinynet_fit")]
        theirs, ours = (statistics.median(p.seconds) for p in pair)
        found[peer] = f"{theirs / ours:.2f}"
    return found


def save_json(results: Results, path: Path) -> None:
    peers: dict[str, dict[str, Any]] = {}
    for p in results.processes:
        peers.setdefault(NAMES[p.peer], {})[p.threads] = {
            "median_seconds": statistics.median(p.seconds),
            "seconds": [round(t, 5) for t in p.seconds],
            "loss": p.losses[EPOCHS - 1],
            "accuracy": p.accuracy,
        }
    content = {
        "machine": describe(),
        "peers": peers,
        "fits of a process": results.fresh,
        "skipped": {told(who): why for who, why in results.skipped.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def save_figure(processes: list[Process], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    chosen = [p for p in best(processes).values() if p.peer in PEERS]
    chosen.sort(key=lambda p: -statistics.median(p.seconds))
    medians = [statistics.median(p.seconds) for p in chosen]
    ours = statistics.median(best(processes)["tinynet_fit"].seconds)
    spread = [
        [m - min(p.seconds) for m, p in zip(medians, chosen)],
        [max(p.seconds) - m for m, p in zip(medians, chosen)],
    ]
    names = [NAMES[p.peer].replace("`", "") for p in chosen]
    colours = ["tab:orange" if p.peer.startswith("tinynet") else "tab:blue" for p in chosen]
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    axes.barh(names, medians, xerr=spread, color=colours, ecolor="0.4", capsize=2)
    longest = max(max(p.seconds) for p in chosen)
    for row, (p, median) in enumerate(zip(chosen, medians)):
        label = f"{median:.3f} s, {median / ours:.1f}x"
        axes.text(max(p.seconds) + longest / 60, row, label, va="center")
    axes.set_xlim(0, longest * 1.3)
    axes.set_xlabel("seconds per epoch: median, and the range of all rounds")
    axes.set_title("784-64-32-32-10, one epoch of 18,000 digits in batches of 32, CPU")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, help="timed epochs of each peer (31; of pictures 9)")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=[*NAMES, *training_pictures.NAMES],
        help="only these, beside tinynet_fit",
    )
    parser.add_argument("--pictures", action="store_true", help="the CNN and LeNet-5 instead")
    parser.add_argument(
        "--no-fits", dest="fits", action="store_false", help="without the fits of fresh processes"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of JSON and figure")
    add_keep(parser)
    options = parse(parser)
    rounds = options.rounds or (9 if options.pictures else 31)
    if rounds < EPOCHS - 1:
        parser.error(f"--rounds {rounds}: accuracy is compared after {EPOCHS} epochs; at least 4")
    if options.pictures:
        training_pictures.run(rounds, options.peers, options.results, options.keep)
        return
    peers = [p for p in NAMES if not options.peers or p in ("tinynet_fit", *options.peers)]
    results = measure(peers, rounds, TWO_FITS if options.fits else None)
    if not any(p.peer == "tinynet_fit" for p in results.processes):
        sys.exit(f"error: tinynet itself did not run: {results.skipped}")
    print_results(results, rounds)
    options.results.mkdir(parents=True, exist_ok=True)
    save_json(results, options.results / "training.json")
    save_figure(results.processes, options.results / "training.png")
    wrong = faults(results.processes)
    if wrong:
        sys.exit("error: a fast wrong answer does not count\n" + "\n".join(wrong))
    keep(ratios_to_keep(best(results.processes)), options.keep)


if __name__ == "__main__":
    main()
