"""Everything that makes the scripts work and knows no table: what is there is read from the live database."""
