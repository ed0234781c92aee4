"""What looks into a network: traces, explanations, summaries, and the training doctor."""
