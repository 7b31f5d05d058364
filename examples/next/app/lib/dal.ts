export { require, verifySession } from "@watchword/client/next"
