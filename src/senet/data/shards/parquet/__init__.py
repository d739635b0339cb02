"""Images in Parquet files, as Hugging Face datasets writes them."""
