"""Every figure, once: plain dictionaries, which `--json` prints and the tables and pictures are made from."""
