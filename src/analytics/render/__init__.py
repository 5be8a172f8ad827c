"""Tables to blocks, figures, maps and sentences in Chinese and English; computes nothing."""
