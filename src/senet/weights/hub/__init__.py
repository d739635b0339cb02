"""The Hugging Face hub, and what the files beside weights say."""
