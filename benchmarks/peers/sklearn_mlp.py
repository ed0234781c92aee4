"""scikit-learn's MLPClassifier: one `partial_fit` is a shuffled epoch, its short last batch too."""

from sklearn.neural_network import MLPClassifier
from task import BATCH, SIZES, Floats, Ints, Task, run


class SklearnMLP:
    def __init__(self, task: Task) -> None:
        self.X, self.y = task.X, task.y
        self.model = MLPClassifier(
            SIZES[1:-1],
            solver="sgd",
            alpha=0,
            momentum=0,
            nesterovs_momentum=False,
            batch_size=BATCH,
            learning_rate_init=task.lr,
            random_state=0,
        )
        self.model.partial_fit(self.X[:BATCH], self.y[:BATCH], classes=range(10))  # makes arrays
        for coefs, intercepts, (W, b) in zip(
            self.model.coefs_, self.model.intercepts_, task.weights
        ):
            coefs[:], intercepts[:] = W, b

    def epoch(self) -> float:
        self.model.partial_fit(self.X, self.y)
        return float(self.model.loss_)

    def guesses(self, X: Floats) -> Ints:
        return self.model.predict(X)


if __name__ == "__main__":
    run(SklearnMLP)
