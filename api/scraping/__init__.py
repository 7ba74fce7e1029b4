"""What Prometheus reads at `/metrics`: this process's own figures, and the pool's from the database."""
