"""Where the pods of each kind are, and who a container runs as."""
