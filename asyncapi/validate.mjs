// Has the official parser look at a document: node validate.mjs FILE. Prints what it says; exit code 1 if it is not valid.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Parser } = createRequire(import.meta.url)("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const { severity, path, message } of diagnostics) {
  process.stdout.write(`${["error", "warning", "info", "hint"][severity]}: /${path.join("/")}: ${message}\n`);
}
if (!document) process.exit(1);
const channels = document.channels().all().map((channel) => channel.address());
process.stdout.write(`${document.version()} ${channels.join(" ")}\n`);
