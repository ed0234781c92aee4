"""How each exercise is graded, one file an exercise."""
