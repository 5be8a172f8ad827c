"""The rehearsal of a whole command, day by day; and the steps of one day, which commands share."""
