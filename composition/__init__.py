"""The parts of the composition roots `worker.py` and `server.py`: who is made of what, and in which order."""
