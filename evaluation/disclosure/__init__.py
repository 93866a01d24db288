"""Disclosure control: what may be printed of people's counts, kept, and attacked before it goes."""
