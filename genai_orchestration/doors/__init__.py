"""What a stranger may see or do: who is served, which files are private, whose text is shown.

Knows no provider and nothing that is stored. What is refused is refused here, for everything that
listens: the web UI, the gallery, the sandbox.
"""
