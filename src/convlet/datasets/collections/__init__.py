"""Labelled picture files: a folder, a zip of one, or a table that names them → a data set.

What it is not: a reader of one picture (`readers.pictures`). Nothing is written beside the pictures, nothing unpacked.

    preparation   how pictures are found and brought to one shape: the options of `load`
    listing       which pictures there are, by class and part
    folders  zips  tables  rows   the kinds of collections there are
    columns       which column of a table holds what
    shards        Parquet and Arrow, group by group of rows
    choosing      size and channels, where nobody says
    headers       what their files are
    decoding      all pictures, on all processors
    cache         decoded pictures, kept in the user's cache folder
    parts         what is held out, where a collection has no parts
    earlier       the parts that pictures were in when a run began, and what has changed since
    assembling    all of this, in its order
    unlabelled    pictures to be recognised
"""
