"use client"
export const Told = ({ what }: { what: unknown }) => <p>{JSON.stringify(what)}</p>
