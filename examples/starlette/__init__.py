"""The same small app in Starlette."""
