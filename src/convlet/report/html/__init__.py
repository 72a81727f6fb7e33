"""Pages of one file each: no script, no network, light and dark, for a phone and for paper.

    elements     HTML as a value: every text is escaped, unless it is HTML already
    frame        the head, the style and the foot that all pages share; its looks are in `frame.css`
    pictures     images inside a page, as many as a budget of bytes allows
    run          the report of a run
    inspection   the page of an inspection
    notebook     what a notebook shows of a run, a history, a data set, an evaluation

What it is not: the page of `explore`, which computes.
"""
