"""What must hold of every request, on many random ones."""
