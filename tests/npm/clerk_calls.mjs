// @clerk/backend's own verdict on a session token, at a given time.
import { verifyToken } from "@clerk/backend";

export async function verify(token, options, now) {
  const real = Date.now;
  const RealDate = globalThis.Date;
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [now]));
    }
    static now() {
      return now;
    }
  };
  try {
    return await verifyToken(token, options);
  } finally {
    globalThis.Date = RealDate;
    Date.now = real;
  }
}
