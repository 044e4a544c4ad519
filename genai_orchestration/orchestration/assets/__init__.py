"""Assets: what is materialized, and by which step."""
