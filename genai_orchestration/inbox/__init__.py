"""Where requests come in by themselves: files of a watched folder, rows of a watched table.

They are planned, and no more: a person approves them.
"""
