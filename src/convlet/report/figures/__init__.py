"""Pictures, with matplotlib. Every figure is a function of what it is given, and is returned, not shown."""
