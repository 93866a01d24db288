"""The scan of what was built: every number of every file is a released one, or declared.

`read` gives the numbers that a file holds, whatever its kind; `pdf` those of a PDF; `known` which
numbers may stand there; `built` holds the one against the other and names each leak.
"""
