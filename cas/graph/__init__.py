"""Graphs of modules: declared, planned, run and explained."""
