"""Checks of a return: rules, problems, stages. What is wrong, in which cell, how to mend it."""
