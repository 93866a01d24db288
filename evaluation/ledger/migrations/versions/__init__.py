"""The steps themselves: each names the one before it, and none is edited once it is published."""
