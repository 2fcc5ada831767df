"""Fetching from object stores and web servers: no repository, no registry, only bytes."""
