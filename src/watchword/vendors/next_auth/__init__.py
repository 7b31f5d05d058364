"""NextAuth.js 4 and Auth.js 5: encrypted session cookies."""
