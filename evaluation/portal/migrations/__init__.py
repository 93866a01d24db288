"""Steps of the portal's own tables; one that was taken is never changed."""
