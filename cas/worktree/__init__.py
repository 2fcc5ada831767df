"""Between a directory on disk and the objects of the store: ingest, checkout, compare."""
