export type SafeNextOptions = { fallback?: string }

/**
 * Return `next` where it is a path of this site to lead on to, else the fallback, `/`.
 *
 * The same rule as the server's: one slash, printable ASCII, no backslash, and however often it is decoded, neither a
 * second slash nor a dot segment in its path.
 */
export function safeNext(next: string | null | undefined, { fallback = "/" }: SafeNextOptions = {}): string {
  if (!next || next.length > 2000 || !/^\/(?![/\\])[!-[\]-~]*$/.test(next)) return fallback
  let path = next.split(/[?#]/, 1)[0] ?? ""
  for (let round = 0; round < 5; round++) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be in a path
    if (/\/\/|\\|[\0-\x1f\x7f]/.test(path) || path.split("/").some((part) => part === "." || part === "..")) break
    const decoded = decodedOnce(path)
    if (decoded === path) return next
    path = decoded
  }
  return fallback
}

function decodedOnce(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (byte) => String.fromCharCode(Number.parseInt(byte.slice(1), 16)))
}
