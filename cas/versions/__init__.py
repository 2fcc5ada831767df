"""Versions: properties and ids, records, refs and their log, and the specs by which users name them."""
