"""What the report says is what the files hold."""
