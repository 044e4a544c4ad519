"""Tests of the room `submission`."""
