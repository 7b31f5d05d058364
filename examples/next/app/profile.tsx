"use client"
import { useSession } from "@watchword/client/react"
import useSWR from "swr"

const fetcher = (address: string) => fetch(address).then((answer) => answer.json())

export default function Profile() {
  const { userId } = useSession()
  const { data } = useSWR(userId && `/api/user/${userId}`, fetcher)
  return <p id="profile">{data?.greeting}</p>
}
