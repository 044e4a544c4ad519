"""What the README shows and does not write itself: its tables, and its pictures."""
