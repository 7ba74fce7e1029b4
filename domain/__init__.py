"""What things are, and every decision, as pure values and functions: no clock, no random, no I/O."""
