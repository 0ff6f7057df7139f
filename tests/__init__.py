"""A regular package: another of this name, which a library installs, then hides none of ours."""
