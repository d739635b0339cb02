"""Where images and their classes come from: named sets, folders, lists; one source, one file."""
