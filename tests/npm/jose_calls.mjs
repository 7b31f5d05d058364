// The npm package jose on the other side: keys as JWK, content as text.
import * as jose from "jose";

const bytes = (text) => new TextEncoder().encode(text);
const text = (data) => new TextDecoder().decode(data);
const key = (jwk, alg) => jose.importJWK(jwk, alg);

export async function generate(alg, options) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true, ...options });
  return jose.exportJWK(privateKey);
}

export async function pem(jwk, alg) {
  const imported = await jose.importJWK({ ...jwk, ext: true }, alg);
  return imported.type === "private" ? jose.exportPKCS8(imported) : jose.exportSPKI(imported);
}

export const fromPkcs8 = async (text, alg) => jose.exportJWK(await jose.importPKCS8(text, alg, { extractable: true }));
export const fromSpki = async (text, alg) => jose.exportJWK(await jose.importSPKI(text, alg, { extractable: true }));
export const thumbprint = (jwk) => jose.calculateJwkThumbprint(jwk);

export async function sign(form, content, jwk, alg, header) {
  const secret = await key(jwk, alg);
  const protectedHeader = { alg, ...header };
  if (form === "compact") return new jose.CompactSign(bytes(content)).setProtectedHeader(protectedHeader).sign(secret);
  if (form === "flattened") return new jose.FlattenedSign(bytes(content)).setProtectedHeader(protectedHeader).sign(secret);
  const general = new jose.GeneralSign(bytes(content));
  general.addSignature(secret).setProtectedHeader(protectedHeader);
  general.addSignature(secret).setProtectedHeader(protectedHeader).setUnprotectedHeader({ note: "second" });
  return general.sign();
}

export async function verify(form, token, jwk, alg) {
  const verifier = { compact: jose.compactVerify, flattened: jose.flattenedVerify, general: jose.generalVerify }[form];
  return text((await verifier(token, await key(jwk, alg), { algorithms: [alg] })).payload);
}

export async function encrypt(form, content, jwk, alg, enc, aad) {
  const secret = await key(jwk, alg === "dir" ? enc : alg);
  const header = { alg, enc };
  if (form === "compact") return new jose.CompactEncrypt(bytes(content)).setProtectedHeader(header).encrypt(secret);
  if (form === "flattened") {
    const flattened = new jose.FlattenedEncrypt(bytes(content)).setProtectedHeader(header);
    return (aad ? flattened.setAdditionalAuthenticatedData(bytes(aad)) : flattened).encrypt(secret);
  }
  const general = new jose.GeneralEncrypt(bytes(content)).setProtectedHeader({ enc });
  general.addRecipient(secret).setUnprotectedHeader({ alg });
  general.addRecipient(secret).setUnprotectedHeader({ alg });
  return general.encrypt();
}

export async function decrypt(form, token, jwk, alg, enc) {
  const decrypter = { compact: jose.compactDecrypt, flattened: jose.flattenedDecrypt, general: jose.generalDecrypt }[form];
  const options = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc] };
  return text((await decrypter(token, await key(jwk, alg === "dir" ? enc : alg), options)).plaintext);
}

export async function jwt(claims, jwk, alg, header) {
  return new jose.SignJWT(claims).setProtectedHeader({ alg, typ: "JWT", ...header }).sign(await key(jwk, alg));
}

export async function verifyJwt(token, jwk, alg, options) {
  return (await jose.jwtVerify(token, await key(jwk, alg), { algorithms: [alg], ...options })).payload;
}
