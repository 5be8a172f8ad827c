"""Tables to tables: one module per question; none imports another."""
