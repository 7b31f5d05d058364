import type { NextConfig } from "next"

const config: NextConfig = { experimental: { authInterrupts: true, taint: true } }

export default config
