"""What `--json` prints, as plain dictionaries; tables are made from them, pictures from a run itself."""
