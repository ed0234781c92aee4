"""The workbook: write each gradient yourself, and have every mistake named.

``python -m tinynet workbook DIR`` writes it: one file for each exercise, with a short lecture and a
skeleton. ``python -m tinynet workbook check DIR`` grades it. ``rung.py`` says what an exercise is
made of, ``proof.py`` how it is proved, ``words.py`` how a mistake gets its name. Grading needs
hypothesis; what an exercise itself imports from here, `earlier`, does not.
"""

from tinynet.workbook.loading import earlier as earlier
