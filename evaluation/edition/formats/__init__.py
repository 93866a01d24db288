"""The edition in other forms: tables for programs, spreadsheets, a briefing, the book on paper.

Every form is made from the same results and claims as the pages; none computes anything.
"""
