"""Tests of the line of one provider's requests, at the sandbox."""
