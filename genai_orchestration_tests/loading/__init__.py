"""Tests of the room `loading`."""
