"""One module per claim, each beside the peer in the same run; `make bench [NAME=…]`."""
