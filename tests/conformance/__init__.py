"""The kernel against published tables and independent implementations, set by set."""
