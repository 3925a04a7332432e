"""A row -> a checked row: what can be wrong with it is found here, before anything is written."""
