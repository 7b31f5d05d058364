"use server"
import { verifySession } from "@/app/lib/dal"

const announcements: string[] = []

export async function serverAction(formData: FormData) {
  const session = await verifySession()
  if (session?.user?.role !== "admin") {
    return null
  }
  announcements.push(String(formData.get("text") ?? ""))
  return announcements.length
}
