"""What the tests of `cas`, and of programs that use it, build on; the strategies need `hypothesis`."""
