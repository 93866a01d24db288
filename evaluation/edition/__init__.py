"""The book: one published state of what is known, made of results and of nothing else.

``edition`` reads results, ``words`` and ``claims`` say them, ``figures`` draws them, ``pages``
writes the pages, ``build`` runs Jupyter Book.
"""
