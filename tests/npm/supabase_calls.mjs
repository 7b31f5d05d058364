// @supabase/ssr writes its cookies; the project's server is the one thing that is played here.
import { createServerClient } from "@supabase/ssr";

export async function cookies(url, session, encoding) {
  const written = new Map();
  const client = createServerClient(url, "anon-key", {
    cookieEncoding: encoding,
    cookies: { getAll: () => [], setAll: (all) => all.forEach(({ name, value }) => written.set(name, value)) },
    global: { fetch: async () => new Response(JSON.stringify(session.user), { status: 200 }) },
  });
  const { error } = await client.auth.setSession(session);
  if (error) throw error;
  await new Promise((resolve) => setTimeout(resolve, 20));
  return [...written].filter(([, value]) => value !== "");
}
