"""Values of the library as text for people and as JSON for programs."""
