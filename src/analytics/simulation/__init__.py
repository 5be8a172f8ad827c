"""The simulated province, its departments' files and its field teams; never read by analysis."""
