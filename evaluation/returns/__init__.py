"""Return files: their declared form, their content, reading them and writing templates."""
