"""The playground: a page on this machine, on which one watches networks learn."""
