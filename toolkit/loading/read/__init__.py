"""What is on the command line -> rows: files, streams and pipes, and the formats of what they hold."""
