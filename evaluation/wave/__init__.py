"""From people's answers to figures of areas: weights, errors, own words. Nobody's answers are kept.

What is read here stays with whoever runs it: only figures of areas leave, as a return.
"""
