"""The pages of the portal: accounts, an officer's returns, the programme's view, people."""
