"""Pure functions over bytes: keys derived from the application's secret."""
