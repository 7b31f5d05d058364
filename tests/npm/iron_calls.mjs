// The npm packages iron-session 8 and 9 on the other side.
import * as eight from "iron-session";
import * as nine from "iron-session-9";

const version = (number) => (number === 8 ? eight : nine);

// `at` sets the clock of the library, in milliseconds since the epoch.
async function at(now, call) {
  const real = Date.now;
  if (now !== null) Date.now = () => now;
  try {
    return await call();
  } finally {
    Date.now = real;
  }
}

export const seal = (number, data, options, now = null) => at(now, () => version(number).sealData(data, options));
export const unseal = (number, sealed, options, now = null) => at(now, () => version(number).unsealData(sealed, options));
