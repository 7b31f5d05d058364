"""Pure functions over bytes: keys from the application's secret; signed and encrypted tokens (JOSE); sealed cookies."""
