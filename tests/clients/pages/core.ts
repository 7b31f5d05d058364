import * as watchword from "@watchword/client"

Object.assign(window, { watchword, client: watchword.createClient(), seen: [] })
