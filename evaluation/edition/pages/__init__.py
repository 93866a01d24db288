"""The pages of the book, one module a kind: what a page shows, as charts, tables and words."""
