"""A read-only file system of the view, or of one version, through FUSE."""
