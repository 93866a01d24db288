"""The book: one published state of what is known, made of results and of nothing else.

``edition`` reads results, ``words`` and ``pages.claims`` say them, `evaluation.drawing` draws them,
``book`` writes the pages that ``pages`` compose, ``formats`` gives them other forms, ``build`` runs
Jupyter Book.
"""
