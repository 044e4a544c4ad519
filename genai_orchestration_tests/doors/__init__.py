"""Tests of the room `doors`."""
