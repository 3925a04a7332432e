"""The parts of the scripts that know no table: they read tables and columns from the live database."""
