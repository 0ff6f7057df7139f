"""The playground: networks that learn while one looks on, in a page of this machine."""
