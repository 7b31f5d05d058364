"""The same small app in Litestar."""
