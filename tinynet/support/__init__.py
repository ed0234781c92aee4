"""What every room uses: checks of arguments, options, files written in one piece."""
