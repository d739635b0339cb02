"""What commands share: flags, tables, bars, notes, remedies."""
