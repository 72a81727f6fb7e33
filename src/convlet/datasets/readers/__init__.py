"""One file format a file, each read strictly: nothing is trusted that a file promises."""
