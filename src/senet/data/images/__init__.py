"""One image file: decoded by stated rules, inspected, its size from the header."""
