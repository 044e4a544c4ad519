"""Tests of the room `dev`."""
