// Draws a document as one page that needs nothing else: node page.mjs FILE PAGE.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

const require = createRequire(import.meta.url);
const read = (name) => readFileSync(require.resolve(`@asyncapi/react-component/${name}`), "utf8");
const inScript = (text) => text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

const [, , file, page] = process.argv;
const document = JSON.parse(readFileSync(file, "utf8"));
const settings = { schema: document, config: { show: { errors: true }, sidebar: { showOperations: "byDefault" } } };

mkdirSync(dirname(page), { recursive: true });
writeFileSync(page, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title}: topics</title>
<style>${read("styles/default.min.css")}</style>
</head>
<body>
<div id="asyncapi"></div>
<script>${inScript(read("browser/standalone/index.js"))}</script>
<script>AsyncApiStandalone.render(${inScript(JSON.stringify(settings))}, document.getElementById("asyncapi"));</script>
</body>
</html>
`);
