"""The house by numbers: its modules, imports, functions, words and comments, counted from source.

`source` reads modules, `imports` says who imports whom, `signs` finds what the habits forbid,
`habits` says what they are and what is excepted with which reason, `picture` draws the rooms.
``tests/house`` holds the habits with these same functions.
"""
