"""What goes along with a run: its history, schedule, stopping, scores, progress, and its guard."""
