"""A workspace: begun from a declaration, looked at as a whole, brought to a later version."""
