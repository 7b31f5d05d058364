export * from "@watchword/client/react"
