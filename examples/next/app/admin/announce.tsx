"use client"
import { useState } from "react"

export function Announce({ announce }: { announce: (formData: FormData) => Promise<unknown> }) {
  const [said, setSaid] = useState("")
  return (
    <form action={async (formData) => setSaid(JSON.stringify(await announce(formData)))}>
      <label>
        Text <input name="text" />
      </label>
      <button type="submit">Announce</button>
      <output>{said}</output>
    </form>
  )
}
