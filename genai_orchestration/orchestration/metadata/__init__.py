"""What the web UI shows beside a materialization."""
