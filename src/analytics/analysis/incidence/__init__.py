"""Incidence that can be trusted: from published cumulative counts to daily new cases."""
