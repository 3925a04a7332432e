"""What the server has refused -> the rows at fault, in words that a person can do something about."""
