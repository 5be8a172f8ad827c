"""Arrays to arrays: mathematics that knows no province."""
