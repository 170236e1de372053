"""The webhook as it runs: gunicorn, TLS, clients good and bad."""
