"""JSON Web Tokens of your own, as the npm package jose makes them."""
