"""What the webhook survives: killed workers, new files, many hours, slow clients."""
