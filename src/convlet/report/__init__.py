"""The room that draws and formats: numbers, tables for the terminal, pictures for the run folder.

    numbers    how one number is written: "3.27 M", "12.8 MB", "2 min 03 s"
    facts      what is to be said of a network, an evaluation, predictions: plain dictionaries, as `--json` prints them
    terminal   the same facts for a terminal, with rich
    html       pages of one file: the report of a run
    figures    learning curves, confusion matrix, mistakes, weights, feature maps, and all files of a run folder, with
               matplotlib

Nothing is imported here, so a command that prints a table does not wait for matplotlib. It prints nothing itself,
but for `terminal.quiet_line`, the line that `fit` shows in Python.
"""
