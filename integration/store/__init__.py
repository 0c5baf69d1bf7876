"""Records to tables: the first of the two translations.

A page's rows are written in the caller's transaction together with the cursor, so that a crash
loses both or neither. Equal records change nothing, older versions never replace newer ones.
Nothing is handed on from here: parts of it are used by what `page` itself needs.
"""
