"""What is measured rather than claimed: drills and sizes, recorded with the command that ran."""
