"""`genai dev`: Dagster's processes, started, watched and ended together, on a home of their own.

What they run is the code location; what they serve is behind the guard of the room doors.
"""
