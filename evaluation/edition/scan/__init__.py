"""The scan of what was built: every number of every file is a released one, or declared.

`contents` gives what a file holds, whatever its kind, and `pdf` what a PDF does; `known` says which
numbers may stand there; `built` holds the one against the other and names each leak.
"""
