"""Finished files: fetched, checked, and kept by their content before their addresses die.

Which files there are, a provider says; when they are fetched, a sensor or a command.
"""
