"""The commands, by subject. Each takes the parsed arguments and returns an exit code."""
