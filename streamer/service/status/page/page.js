// Shows what /api/v1/tenants answers, and asks again every few seconds. What comes from there is only ever set as text,
// and only where it differs from what is shown: nothing flickers, a selection and the focus stay where they are.

// Milliseconds from one answer to the next question: ten times as long as the answer took, within these bounds.
const SOONEST = 2000;
const LATEST = 10000;
const WITHIN = 10000; // an answer must come
const SHOWN_CHANGES = 3;
const LOOKS = {
  ok: "good",
  degraded: "warn", unconfigured: "warn",
  failing: "bad", auth_failed: "bad", not_enabled: "bad", unusable: "bad",
};

const byId = (id) => document.getElementById(id);
const filter = byId("filter");
const lines = byId("lines");
const rows = new Map(); // tenant -> {row, cells, tenant}
const words = (name) => name.replaceAll("_", " ");

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function look(node, name) {
  if (node.className !== name) node.className = name;
}

// One element for each text, made or taken away as needed; an entry is a text, or [text, class].
function list(node, entries, tag) {
  while (node.childElementCount > entries.length) node.lastElementChild.remove();
  entries.forEach((entry, at) => {
    const [text, name] = Array.isArray(entry) ? entry : [entry, ""];
    const child = node.children[at] ?? node.appendChild(document.createElement(tag));
    put(child, text);
    look(child, name);
  });
}

function span(milliseconds) {
  const seconds = Math.round(Math.max(0, milliseconds) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const ago = (at, now) => `${span(now - Date.parse(at))} ago`;

function when(node, at, text) {
  put(node, at ? text : "–");
  node.title = at ?? "";
}

function replica(data) {
  const now = Date.parse(data.now);
  const offset = data.clock_offset_seconds;
  put(byId("name"), data.name);
  put(byId("ready"), data.ready ? "ready" : "not ready");
  look(byId("ready"), data.ready ? "good" : "bad");
  put(byId("version"), data.version);
  when(byId("started"), data.started_at, ago(data.started_at, now));
  put(byId("store"), data.store);
  put(byId("shards"), `${data.shards.served} served of ${data.shards.owned.length} owned, ${data.shards.total} in all`);
  when(byId("config"), data.config.loaded_at, `loaded ${ago(data.config.loaded_at, now)}`);
  put(byId("clock"), offset === null ? "–" : `${offset.toFixed(3)} s off the broker's`);
  const troubles = data.not_ready.map((each) => `${each.what}: ${each.reason}`);
  if (!data.config.ok) {
    const more = data.config.more_problems ? ` (and ${data.config.more_problems} more: streamer check-config)` : "";
    troubles.push(`The config's files are refused, the config before stays in use. ${data.config.problem}${more}`);
  }
  if (data.config.restart.length) troubles.push(`Changed, and waiting for a restart: ${data.config.restart.join(", ")}`);
  list(byId("troubles"), troubles, "li");
  put(byId("elsewhere"), data.tenants.elsewhere
    ? `These are the tenants in the shards of replica ${data.name}. ${data.tenants.elsewhere} more are in shards of other`
      + " replicas: each has such a page of its own."
    : "");
  const healths = Object.entries(data.tenants.by_health).sort(([one], [other]) => (one < other ? -1 : 1));
  list(byId("healths"), healths.map(([health, count]) => [`${count} ${words(health)}`, LOOKS[health] ?? "off"]), "li");
}

function changed(change, now) {
  const who = change.agent ? `${change.agent.name ?? ""} (${change.agent.id}): `.trimStart() : "";
  return `${who}${words(change.before ?? "new")} → ${words(change.after ?? "gone")}, ${ago(change.at, now)}`;
}

function wrong(tenant, now) {
  const found = [];
  if (tenant.advice) found.push(tenant.advice);
  const error = tenant.last_error;
  if (error) {
    const told = tenant.advice?.includes(error.message) ? "" : `: ${error.message} — ${error.advice}`;
    found.push([`${ago(error.at, now)} ${words(error.outcome)}${told}`, tenant.last_poll?.outcome === "ok" ? "old" : ""]);
  }
  for (const notice of tenant.notices) found.push(notice.advice ? `${notice.text} — ${notice.advice}` : notice.text);
  return found;
}

function fill(line, tenant, now) {
  const { cells } = line;
  const poll = tenant.last_poll;
  const due = tenant.next_poll ? Date.parse(tenant.next_poll) - now : 0;
  const health = tenant.health ?? "unknown";
  line.tenant = tenant;
  put(cells.tenant, tenant.tenant);
  put(cells.source, tenant.source);
  put(cells.shard, String(tenant.shard));
  put(cells.health, words(health));
  look(cells.health, `health ${LOOKS[health] ?? "off"}`);
  put(cells.since, tenant.health_since ? `for ${span(now - Date.parse(tenant.health_since))}` : "");
  when(cells.last, poll?.at, poll && ago(poll.at, now));
  put(cells.outcome, poll && poll.outcome !== "ok" ? words(poll.outcome) : "");
  when(cells.next, tenant.next_poll, due > 0 ? `in ${span(due)}` : "now");
  put(cells.latency, poll ? `${Math.round(poll.seconds * 1000)} ms` : "–");
  put(cells.total, tenant.agents ? String(tenant.agents.total) : "–");
  const states = Object.entries(tenant.agents?.by_state ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  put(cells.states, states.map(([state, count]) => `${count} ${words(state)}`).join(", "));
  list(cells.changes, tenant.changes.slice(0, SHOWN_CHANGES).map((each) => changed(each, now)), "div");
  list(cells.words, wrong(tenant, now), "div");
}

function newLine() {
  const row = byId("line").content.firstElementChild.cloneNode(true);
  const cells = {};
  for (const cell of row.querySelectorAll("[data-cell]")) cells[cell.dataset.cell] = cell;
  return { row, cells };
}

function table(tenants, now) {
  const gone = new Set(rows.keys());
  let place = lines.firstElementChild;
  for (const tenant of tenants) {
    gone.delete(tenant.tenant);
    if (!rows.has(tenant.tenant)) rows.set(tenant.tenant, newLine());
    const line = rows.get(tenant.tenant);
    fill(line, tenant, now);
    if (line.row === place) place = place.nextElementSibling;
    else lines.insertBefore(line.row, place);
  }
  for (const name of gone) {
    rows.get(name).row.remove();
    rows.delete(name);
  }
}

// What was once to be chosen stays: a choice must not vanish under somebody's hand.
function choices(select, values) {
  const known = new Set([...select.options].map((option) => option.value));
  for (const value of [...new Set(values)].sort()) if (!known.has(value)) select.add(new Option(words(value), value));
}

function matches(tenant, wanted) {
  const health = tenant.health ?? "unknown";
  if (wanted.health === "!ok" ? health === "ok" : wanted.health && wanted.health !== health) return false;
  if (wanted.source && wanted.source !== tenant.source) return false;
  const error = tenant.last_error;
  const text = [tenant.tenant, tenant.source, words(health), tenant.advice, error?.outcome, error?.message,
    ...tenant.notices.map((each) => each.text)];
  return text.join("\n").toLowerCase().includes(wanted.text.trim().toLowerCase());
}

function choose() {
  const wanted = Object.fromEntries(new FormData(filter));
  let shown = 0;
  for (const { row, tenant } of rows.values()) {
    const fits = matches(tenant, wanted);
    if (row.hidden === fits) row.hidden = !fits;
    shown += fits;
  }
  put(byId("shown"), `${shown} of ${rows.size} tenants shown`);
}

// The filter stands in the address, so that a view can be kept or sent.
function remember() {
  const kept = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value));
  history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  choices(filter.elements.health, kept.getAll("health"));
  choices(filter.elements.source, kept.getAll("source"));
  for (const name of ["text", "health", "source"]) filter.elements[name].value = kept.get(name) ?? "";
}

function show(data) {
  replica(data.replica);
  table(data.tenants, Date.parse(data.replica.now));
  choices(filter.elements.health, data.tenants.map((each) => each.health ?? "unknown"));
  choices(filter.elements.source, data.tenants.map((each) => each.source));
  choose();
}

let waiting; // for the next question
let answered; // when the last answer came
let asking = false;

async function ask() {
  if (asking) return;
  clearTimeout(waiting);
  asking = true;
  const began = performance.now();
  try {
    const answer = await fetch("api/v1/tenants", { cache: "no-store", signal: AbortSignal.timeout(WITHIN) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    show((await answer.json()).data);
    answered = new Date();
    put(byId("connection"), "");
  } catch (error) {
    const since = answered ? `since ${answered.toLocaleTimeString()}; what is shown is from then` : "yet";
    put(byId("connection"), `No answer from the replica ${since}.`);
  }
  asking = false;
  const took = performance.now() - began;
  if (byId("live").checked && !document.hidden) {
    waiting = setTimeout(ask, Math.min(LATEST, Math.max(SOONEST, 10 * took)));
  }
}

function resume() {
  if (byId("live").checked && !document.hidden) ask();
  else clearTimeout(waiting);
}

filter.addEventListener("input", (event) => {
  if (event.target.id === "live") return;
  remember();
  choose();
});
filter.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("reset", (event) => {
  event.preventDefault(); // it would switch the updates on again, too
  for (const name of ["text", "health", "source"]) filter.elements[name].value = "";
  remember();
  choose();
});
byId("live").addEventListener("change", resume);
document.addEventListener("visibilitychange", resume);
addEventListener("hashchange", () => { recall(); choose(); });

recall();
ask();
