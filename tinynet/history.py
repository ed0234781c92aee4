"""Where the history stood up to version 0.2; pickles name it here."""

from tinynet.runs.history import History as History
