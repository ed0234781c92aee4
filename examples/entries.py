"""What the lessons' README says of each lesson: its question, a figure, and which claims."""

from typing import NamedTuple


class Result(NamedTuple):
    """A claim of a lesson, with what the course and PyTorch gave for the same.

    Where ``benchmarks/lessons.py`` has measured PyTorch, its figures stand instead of `pytorch`.
    """

    claim: str
    course: str = ""
    pytorch: str = ""


class Entry(NamedTuple):
    """What the gallery shows of a lesson beside its title."""

    question: str
    figure: str
    results: list[Result]


ENTRIES = {
    "01_networks": Entry(
        "What is fully connected in a fully-connected network, and what is not?",
        "fully_connected",
        [Result("share of all possible connections in the digit network (%)")],
    ),
    "02_about_mnist": Entry(
        "What is in the digits, and how well have others read them?",
        "error_rates",
        [
            Result("most frequent correlation of two 7s", "a little above 0.4"),
            Result("errors of the linear network (%)"),
            Result("errors of the feed-forward network (%)"),
        ],
    ),
    "03_ffn_on_mnist": Entry(
        "How does a network learn to read digits?",
        "learning_curves",
        [
            Result("train accuracy (%)"),
            Result("test accuracy (%)", "about 96"),
            Result("answers of the loaded network that differ"),
        ],
    ),
    "04_softmax_vs_log_softmax": Entry(
        "Why does the network end with log-softmax, and not with softmax?",
        "learning_curves",
        [
            Result("test accuracy with softmax (%)", "77 (100 epochs)"),
            Result("test accuracy with log-softmax (%)", "about 96"),
        ],
    ),
    "05_binarized_mnist": Entry(
        "How much do the grey values matter?",
        "before_and_after",
        [Result("test accuracy, binarized (%)", "about 95", "95.3, 95.6, 94.7")],
    ),
    "06_normalization": Entry(
        "What if the training digits or the test digits are not scaled?",
        "class_directions",
        [
            Result("equal: test accuracy (%)"),
            Result("train only: test accuracy (%)"),
            Result("train only: test loss"),
            Result("test only: train accuracy (%)"),
            Result("test only: test accuracy (%)"),
            Result("test only: test loss"),
        ],
    ),
    "07_write_your_own_layer": Entry(
        "How do I write a layer of my own, and know that its gradient is right?",
        "learning_curves",
        [Result("mistakes caught, of 5")],
    ),
    "08_optimizers": Entry(
        "What do momentum, RMSprop and Adam change?",
        "learning_curves",
        [
            Result("SGD: test accuracy (%)"),
            Result("RMSprop: test accuracy (%)"),
            Result("Adam: test accuracy (%)"),
            Result("softmax: Adam is better than SGD by (points)"),
        ],
    ),
    "09_playground": Entry(
        "What happens inside, number by number, and what does the network make of my digits?",
        "trace",
        [
            Result("test accuracy (%)"),
            Result("loss of the batch, after over before"),
            Result("largest page (MB)"),
        ],
    ),
    "10_scaling_out": Entry(
        "Which learning rate, and who tries them all?",
        "heat_map",
        [
            Result("scores that differ from those of a run without cluster, of 3"),
            Result("best accuracy (%)"),
            Result("64 units instead of 8 (points)"),
        ],
    ),
    "11_weight_distributions": Entry(
        "Which weights does learning move, and how far?",
        "histograms",
        [
            Result("spread after over spread before, last layer"),
            Result("moved weights of pixels that are never lit"),
        ],
    ),
    "12_breadth_and_depth": Entry(
        "How many layers, and how many units in each?",
        "breadth_and_depth",
        [
            Result("64 units instead of 4, mean gain (points)"),
            Result("3 layers or 1, at 32 and 64 units, differ by (points)"),
            Result("best mean accuracy (%)"),
        ],
    ),
    "13_scrambled": Entry(
        "Does a network mind if all pixels change places?",
        "digits",
        [
            Result("scrambled by one rule: differs by (points)", "nothing changes"),
            Result("each by its own rule: test accuracy (%)"),
        ],
    ),
    "14_shifted": Entry(
        "Does it mind if a digit is not where it was?",
        "accuracy",
        [
            Result("moved by 4 pixels (%)"),
            Result("learned from shifted digits, moved by 2 pixels (%)"),
        ],
    ),
    "15_missing_seven": Entry(
        "What does a network make of 7s that has never seen one?",
        "sevens",
        [
            Result("test accuracy on the known digits (%)"),
            Result("7s read as 7s (%)"),
            Result("sure of 7s, all wrong (%)"),
        ],
    ),
    "16_backward_by_hand": Entry(
        "What does a network compute when it learns, number by number?",
        "network",
        [
            Result("paper and NumPy differ by, at most (thousandths)"),
            Result("loss before the step", "", "1.05"),
            Result("loss after it", "", "0.79"),
        ],
    ),
    "17_first_weights": Entry(
        "How large should the first weights be, and why must they differ?",
        "gradients",
        [
            Result("ReLU, std 0.01: gradient times, per layer"),
            Result("ReLU, std 1: gradient times, per layer"),
            Result("ReLU, He: gradient times, per layer"),
            Result("ReLU, He: test accuracy (%)"),
            Result("ReLU, Linear's own: test accuracy (%)"),
            Result("weights all 1: different units of 64"),
            Result("weights all 1: test accuracy (%)"),
            Result("Adam, std 0.01: test accuracy (%)"),
            Result("SGD, std 0.01: test accuracy (%)"),
            Result("condition number of layer 1, after over before"),
        ],
    ),
    "18_more_data": Entry(
        "Do noisy or doubled digits help, and what if there are few sevens?",
        "amount",
        [
            Result("18,000 digits instead of 600: gain (points)"),
            Result("each twice: largest change (points)"),
            Result("noisy digits, learned from clean ones (%)"),
            Result("noisy digits, learned with noisy copies (%)"),
            Result("doubled before the split: test accuracy (%)"),
            Result("500 sevens: recall lost (points)"),
            Result("500 sevens: precision lost (points)"),
            Result("four times: recall gained, mean of epochs (points)"),
        ],
    ),
    "19_freezing_and_transfer": Entry(
        "What does a frozen layer do, and when is it of use?",
        "few_samples",
        [
            Result("hidden layers frozen, halfway (%)"),
            Result("hidden layers frozen, at the end (%)"),
            Result("output layer frozen, halfway (%)"),
            Result("10 of each, copied and frozen (%)"),
            Result("10 of each, from scratch (%)"),
            Result("copied and frozen or random (points)"),
        ],
    ),
    "20_overfitting": Entry(
        "What helps when there are too few digits to learn from?",
        "errors",
        [
            Result("no remedy: train accuracy (%)"),
            Result("no remedy: test loss, last over lowest"),
            Result("net.eval() forgotten costs (points)"),
            Result("early stop: test loss, over that without"),
            Result("dropout: test loss, over that without"),
            Result("decay: test loss, over that without"),
            Result("L1: test loss, over that without"),
            Result("dropout: test accuracy gained (points)"),
            Result("decay: test accuracy gained (points)"),
            Result("5,000 digits: test accuracy gained (points)"),
            Result("L1: weights below 0.001 (%)"),
        ],
    ),
    "21_xor_and_clouds": Entry(
        "Why can one layer not do XOR, and why is my XOR network stuck at 0.5?",
        "moving",
        [
            Result("one layer, left or right: right (%)"),
            Result("one layer, XOR: right (%)"),
            Result("8 hidden units, XOR: right (%)"),
            Result("three rings: right (%)"),
            Result("sure and wrong, mended by Sigmoid, BCELoss: right (%)"),
            Result("sure and wrong, mended by BCEWithLogitsLoss: right (%)"),
            Result("as most try first: solved, of 20"),
            Result("+ Tanh, mended: solved, of 20"),
            Result("mended, weights near 0: solved, of 20"),
            Result("mended, weights all 0.5: solved, of 20"),
        ],
    ),
    "22_line_through_points": Entry(
        "How does a network learn numbers instead of classes, and how good is it?",
        "landscapes",
        [
            Result("x as it is: distance from least squares"),
            Result("x scaled: distance from least squares"),
            Result("points that the best line hits, of 100"),
            Result("best line: R squared"),
            Result("line: R squared of the test points"),
            Result("network: R squared of the test points"),
        ],
    ),
    "23_autoencoders": Entry(
        "What must a network learn to pass a digit through a few numbers?",
        "noisy",
        [
            Result("rebuilt from 50 numbers: error (%)"),
            Result("noise, repaired by A: error (%)"),
            Result("noise, repaired by B: error (%)"),
            Result("bars, repaired by C: error (%)"),
            Result("500 hidden units, a code of 100: error (%)"),
            Result("ReLU behind a code of 15 costs (points)"),
            Result("right by the nearest code of 15 (%)"),
            Result("tied: error (%)"),
        ],
    ),
    "24_cnn": Entry(
        "What is a convolution, and why does it read digits better?",
        "maps",
        [
            Result("feed-forward: errors (%)"),
            Result("convolutional: errors (%)"),
            Result("convolutional, moved: errors (%)"),
            Result("rolled digits, feed-forward: test accuracy (%)"),
            Result("rolled digits, convolutional: test accuracy (%)"),
            Result("fewer upright digits by flips (points)"),
        ],
    ),
    "25_gan": Entry(
        "How does a network learn to write digits that has never seen one?",
        "written",
        [
            Result("D is right, last five epochs (%)"),
            Result("written digits the reader is sure of (%)"),
            Result("the same before G has learned (%)"),
            Result("kinds of digits, of 10"),
        ],
    ),
    "26_batch_normalization": Entry(
        "What does batch normalisation do, what is its gradient, and what does it cost?",
        "accuracy",
        [
            Result("without, best of all learning rates (%)"),
            Result("normalised, learning rate 0.1 (%)"),
            Result("normalised, worst of all first weights (%)"),
            Result("training mode, 2 digits at once (%)"),
            Result("training mode, 32 digits of one kind (%)"),
            Result("after 60 batches, nothing learned (%)"),
        ],
    ),
    "27_workbook": Entry(
        "How do I write tinynet myself, and who tells me what is wrong?",
        "four_gradients",
        [
            Result("mistakes named, of 3"),
            Result("right dW (%)"),
            Result("a mean over the batch (%)"),
            Result("only the last row (%)"),
        ],
    ),
    "28_lab": Entry(
        "What does it look like when learning fails, and how do I watch it?",
        "planes",
        [
            Result("XOR, hidden units 1: right (%)"),
            Result("learning rate 1: dead ReLUs, of 16"),
            Result("Sigmoid: dW of the last layer over the first"),
            Result("L2 of 0: loss of new points"),
            Result("L2 of 0.03: loss of new points"),
        ],
    ),
}
