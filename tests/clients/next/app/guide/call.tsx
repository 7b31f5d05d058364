"use client"
import { useState } from "react"

export function Call({ action }: { action: (formData: FormData) => Promise<unknown> }) {
  const [said, setSaid] = useState("")
  return (
    <>
      <button onClick={async () => setSaid(String(await action(new FormData())))}>Call</button>
      <output>{said}</output>
    </>
  )
}
