"""Keys, pseudonyms, vault, audit log and the disclosure gate."""
