"""Asset checks: of tables, of files, of paid requests."""
