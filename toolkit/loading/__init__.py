"""The way of a fixture row: file -> checked row -> batch -> retrying transaction -> table."""
