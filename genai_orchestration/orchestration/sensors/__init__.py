"""Sensors: one file for each kind of news that a run is asked for."""
