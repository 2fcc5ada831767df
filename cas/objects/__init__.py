"""Immutable bytes by id: chunks, frames, packs, the index that finds them."""
