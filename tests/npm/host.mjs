// Answers calls from tests/support/node.py: a JSON line {module, name, arguments} in, {value} or {error} out.
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  const { module, name, arguments: given } = JSON.parse(line);
  let answer;
  try {
    const functions = await import(`./${module}.mjs`);
    answer = { value: (await functions[name](...given)) ?? null };
  } catch (error) {
    answer = { error: `${error.code ?? error.name}: ${error.message}` };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
