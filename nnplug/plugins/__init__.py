"""Plugins: what is installed, one plugin kept from another, from a name to a part."""
