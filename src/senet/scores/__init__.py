"""What a classifier reaches and where it errs, as the part of a page that every report of scores has."""
