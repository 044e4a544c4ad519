"""What can be wrong with a load: one sentence with the setting and the next step, nothing written.

The key and the password are recognisable, and looked for in everything that a command says.
"""
