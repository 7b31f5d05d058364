"""Supabase Auth: its access tokens, and the cookies of @supabase/ssr."""
