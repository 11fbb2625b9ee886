
"use strict";
// The page's only script: selects, plays, filters and sorts takes, and stores verdicts. All text is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const list = $("rows");
const rows = DATA.rows.map((row, index) => ({ ...row, index }));
let shown = rows;
let chosen = null;

// Verdicts are kept in this browser until they are saved, and restored when the page is opened again.
const STORE = "tracklay report " + DATA.title + " " + location.pathname;
const decided = new Map();
const key = (row) => row.id + "\n" + row.take;

function storedVerdicts() {
  try { return JSON.parse(localStorage.getItem(STORE)) || []; } catch { return []; }
}

function storeVerdicts() {
  try { localStorage.setItem(STORE, JSON.stringify(verdicts())); } catch { /* a browser without storage: saving the file still works */ }
}

function verdicts() {
  return rows.filter((row) => row.take).map((row) => ({ row: row.id, take: row.take, ...decided.get(key(row)) })).filter((each) => each.verdict || each.note);
}

function applyVerdicts(found) {
  const known = new Set(rows.map(key));
  for (const each of found) {
    const name = each.row + "\n" + each.take;
    if (known.has(name) && ["keep", "reject", ""].includes(each.verdict)) decided.set(name, { verdict: each.verdict, note: String(each.note || "") });
  }
}

applyVerdicts(DATA.rows.map((row) => ({ row: row.id, take: row.take, verdict: row.verdict, note: row.note })).filter((each) => each.verdict || each.note));
applyVerdicts(storedVerdicts());

const decision = (row) => decided.get(key(row)) || { verdict: "", note: "" };
const VERDICT_LABELS = { keep: "kept", reject: "rejected", "": "" };

function paintVerdict(row) {
  const { verdict, note } = decision(row), element = onScreen.get(row);
  if (!element) return;
  element.dataset.verdict = verdict;
  element.querySelector(".verdict").textContent = [VERDICT_LABELS[verdict], note ? "✎" : ""].filter(Boolean).join(" ");
}

function decide(row, change) {
  decided.set(key(row), { ...decision(row), ...change });
  paintVerdict(row);
  if (row === chosen) paintJudge();
  storeVerdicts();
  tally();
}

function tally() {
  const judged = rows.filter((row) => decision(row).verdict).length;
  const among = shown.length === rows.length ? `${rows.length.toLocaleString("en")} rows` : `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  $("count").textContent = `${among}, ${judged.toLocaleString("en")} judged`;
}

// Drawing: the picture's motion in the background, then cuts, the take's waveform, and detected events.
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["sound", "motion", "event", "cut", "head"]) colours[name] = style.getPropertyValue("--" + name).trim();
}

function draw(canvas, row, size, playhead) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = size.map((pixels) => Math.round(pixels * ratio));
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  row.levels ??= { motion: bytes(row.motion), wave: bytes(row.wave) };
  const { motion, wave } = row.levels;
  pen.fillStyle = colours.motion;
  for (let i = 0; i < motion.length; i++) {
    const tall = (motion[i] / 255) * height, left = Math.floor((i * width) / motion.length);
    pen.fillRect(left, height - tall, Math.floor(((i + 1) * width) / motion.length) - left, tall);
  }
  pen.fillStyle = colours.cut;
  for (const cut of row.cuts) for (let y = 0; y < height; y += 4 * ratio) pen.fillRect(Math.round(cut * width), y, ratio, 2 * ratio);
  pen.fillStyle = colours.sound;
  // Whole pixels: antialiased rectangles are several times slower, and there are hundreds.
  const middle = Math.round(height / 2), gap = width > 2 * wave.length ? 1 : 0;
  for (let i = 0; i < wave.length; i++) {
    const tall = Math.max(1, Math.round((wave[i] / 255) * middle * 0.96)), left = Math.floor((i * width) / wave.length);
    pen.fillRect(left, middle - tall, Math.max(1, Math.floor(((i + 1) * width) / wave.length) - left - gap), 2 * tall);
  }
  pen.fillStyle = colours.event;
  for (const [seconds, strength] of row.length ? row.events : []) {
    const x = Math.round((seconds / row.length) * width), size = (2 + 2 * strength) * ratio;
    pen.beginPath();
    pen.moveTo(x - size, 0); pen.lineTo(x + size, 0); pen.lineTo(x, size * 1.5);
    pen.fill();
  }
  // Each move of a landed sound: a line from where it was to where it is, and a tick there.
  for (const [before, after, confidence] of row.length ? row.moves : []) {
    const [from, to] = [before, after].map((seconds) => Math.round((seconds / row.length) * width));
    pen.globalAlpha = 0.4 + 0.6 * confidence;
    pen.fillRect(Math.min(from, to), height - 2 * ratio, Math.abs(to - from), 2 * ratio);
    pen.fillRect(to - ratio, height - 8 * ratio, 2 * ratio, 8 * ratio);
  }
  pen.globalAlpha = 1;
  if (playhead !== undefined) { pen.fillStyle = colours.head; pen.fillRect(Math.round(playhead * width) - ratio, 0, 2 * ratio, height); }
}

// Only rows near the window are elements; an element that leaves it is reused for the next row.
const HIGH = 92, BESIDE = 4, DRAWING_MS = 4;
const onScreen = new Map();
const drawing = new Set();
let cell = null;

function fill(element, row) {
  const setText = (selector, text) => { element.querySelector(selector).textContent = text; };
  element.className = row.has_error ? "has-error" : "";
  const image = element.querySelector("img");
  if (row.strip) image.src = row.strip; else image.removeAttribute("src");
  setText(".name b", row.name);
  setText(".name span", `cue ${row.cue}` + (row.take ? `, take ${row.take}` : ""));
  setText(".summary", row.summary);
  setText(".origin", [row.model, row.seed === null || row.seed === undefined ? "" : `seed ${row.seed}`, row.price_text].filter(Boolean).join(" · "));
  setText(".state", row.state);
  setText(".score", row.score_text);
  setText(".sync", row.sync);
  element.querySelector(".sync").classList.toggle("off", Boolean(row.sync) && !row.exact);
  const canvas = element.querySelector("canvas");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height); // until it is drawn
  drawing.add(row);
}

function paintRows() {
  const first = Math.max(0, Math.floor(list.scrollTop / HIGH) - BESIDE), past = Math.ceil((list.scrollTop + list.clientHeight) / HIGH) + BESIDE;
  const wanted = new Map(shown.slice(first, past).map((row, index) => [row, first + index]));
  const free = [];
  for (const [row, element] of onScreen) if (!wanted.has(row)) { free.push(element); onScreen.delete(row); drawing.delete(row); }
  for (const [row, place] of wanted) {
    let element = onScreen.get(row);
    if (!element) {
      element = free.pop() || $("list").appendChild($("row").content.firstElementChild.cloneNode(true));
      onScreen.set(row, element);
      fill(element, row);
      paintVerdict(row);
    }
    element.style.transform = `translateY(${place * HIGH}px)`;
    element.setAttribute("aria-posinset", place + 1);
    element.setAttribute("aria-setsize", shown.length);
    if (row === chosen) element.setAttribute("aria-current", "true"); else element.removeAttribute("aria-current");
  }
  for (const element of free) element.remove();
  $("list").style.height = shown.length * HIGH + "px";
  if (drawing.size) requestAnimationFrame(drawSome);
}

// Waveforms are drawn for a few milliseconds per frame, so that scrolling never waits for them.
function drawSome() {
  const until = performance.now() + DRAWING_MS;
  const first = onScreen.values().next().value?.querySelector("canvas");
  cell ??= first ? [first.clientWidth, first.clientHeight] : null; // read once: it is the same for all rows, and reading it forces a layout
  for (const row of drawing) {
    drawing.delete(row);
    draw(onScreen.get(row).querySelector("canvas"), row, cell);
    if (performance.now() > until) break;
  }
  if (drawing.size) requestAnimationFrame(drawSome);
}

function intoView(row) {
  const at = shown.indexOf(row) * HIGH;
  if (at < list.scrollTop) list.scrollTop = at;
  else if (at + HIGH + 12 > list.scrollTop + list.clientHeight) list.scrollTop = at + HIGH + 12 - list.clientHeight;
}

function redraw() {
  readColours();
  cell = null;
  for (const row of onScreen.keys()) drawing.add(row);
  paintRows();
  if (chosen) paintScope();
}

list.addEventListener("scroll", paintRows, { passive: true });

// Filters and sorting.
const folded = (row) => [row.id, row.name, row.cue, ...row.facts.map((fact) => fact[1]), ...row.problems].join("\n").toLowerCase();
const text = new Intl.Collator(undefined, { numeric: true }).compare;
const ORDERS = {
  given: () => 0,
  score: (a, b) => (b.score ?? -1) - (a.score ?? -1),
  lufs: (a, b) => (b.mix.lufs ?? -Infinity) - (a.mix.lufs ?? -Infinity) || 0,
  true_peak: (a, b) => (b.mix.true_peak ?? -Infinity) - (a.mix.true_peak ?? -Infinity) || 0,
  dialogue_over_music: (a, b) => (a.mix.dialogue_over_music ?? Infinity) - (b.mix.dialogue_over_music ?? Infinity) || 0,
  name: (a, b) => text(a.name, b.name) || text(a.cue, b.cue),
  model: (a, b) => text(a.model, b.model),
  state: (a, b) => text(a.state, b.state),
  price: (a, b) => (b.price ?? -1) - (a.price ?? -1),
  length: (a, b) => (b.length ?? -1) - (a.length ?? -1),
  worst_offset: (a, b) => (b.worst_offset ?? -1) - (a.worst_offset ?? -1),
  verdict: (a, b) => ["reject", "keep", ""].indexOf(decision(a).verdict) - ["reject", "keep", ""].indexOf(decision(b).verdict),
};
function fits(row) {
  const { verdict, note } = decision(row);
  const wanted = $("by-verdict").value, find = $("find").value.trim().toLowerCase();
  row.folded ??= folded(row);
  return (!$("by-state").value || row.state === $("by-state").value) && (!$("by-model").value || row.model === $("by-model").value)
    && (!wanted || (wanted === "none" ? !verdict : wanted === "note" ? Boolean(note) : verdict === wanted))
    && (!find || find.split(/\s+/).every((word) => row.folded.includes(word) || note.toLowerCase().includes(word)));
}

function sift() {
  const order = ORDERS[$("sort").value];
  shown = rows.filter(fits).sort((a, b) => order(a, b) || a.index - b.index);
  tally();
  if (!shown.includes(chosen)) choose(shown[0] || null, { still: true });
  else intoView(chosen);
  paintRows();
}

// The desk: player and facts of the selected row.
const player = $("player");
let address = "";
let version = ""; // the sound that is heard in place of the take: `untouched`, `mix`, or a stem of the mix
const mediaOf = (row) => (version === "untouched" ? row.untouched : row.mixes[version]) || row.media;

function playable(media) {
  if (!media.startsWith("data:")) return media;
  const [head, body] = media.split(",", 2);
  return URL.createObjectURL(new Blob([bytes(body)], { type: head.slice(5, head.indexOf(";")) }));
}

function load() {
  if (address.startsWith("blob:")) URL.revokeObjectURL(address);
  const media = chosen && mediaOf(chosen);
  address = media ? playable(media) : "";
  $("nothing").hidden = Boolean(address);
  $("play").disabled = !address;
  $("untouched").hidden = !chosen?.untouched;
  $("untouched").setAttribute("aria-pressed", String(version === "untouched"));
  const mixes = Object.keys(chosen?.mixes || {});
  $("version").hidden = !mixes.length;
  $("version").replaceChildren(...["", ...mixes].map((name) => new Option(name === "" ? "take" : name === "mix" ? "mix" : `${name} alone`, name)));
  $("version").value = mixes.includes(version) ? version : "";
  if (address) player.src = address; else { player.removeAttribute("src"); player.load(); }
}

// Switches to another sound of the row at the same instant.
function hear(wanted) {
  const at = player.currentTime, playing = !player.paused;
  version = wanted;
  load();
  player.addEventListener("loadedmetadata", () => { player.currentTime = at; if (playing) play(); }, { once: true });
}

// Switches between the landed and the untouched take.
function compare() {
  if (chosen?.untouched) hear(version === "untouched" ? "" : "untouched");
}

// Switches between the take and the mix.
function compareMix() {
  if (chosen?.mixes.mix) hear(version === "mix" ? "" : "mix");
}

function choose(row, { still = false } = {}) {
  chosen = row;
  player.pause();
  version = "";
  load();
  $("title").textContent = row ? [row.name, `cue ${row.cue}`, row.take ? `take ${row.take}` : ""].filter(Boolean).join(", ") : "";
  $("problems").replaceChildren(...(row ? row.problems : []).map((words) => Object.assign(document.createElement("li"), { textContent: words })));
  $("facts").replaceChildren(...(row ? row.facts : []).flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }),
  ]));
  paintJudge();
  paintScope();
  if (!row) return;
  intoView(row);
  paintRows();
  if (address && !still && $("auto").checked) play();
}

function paintJudge() {
  const { verdict, note } = chosen ? decision(chosen) : { verdict: "", note: "" };
  for (const name of ["keep", "reject"]) { $(name).setAttribute("aria-pressed", String(verdict === name)); $(name).disabled = !chosen || !chosen.take; }
  $("clear").disabled = $("note").disabled = !chosen || !chosen.take;
  if (document.activeElement !== $("note")) $("note").value = note;
}

const play = () => player.play().catch(() => { /* the browser requires a click first, or the file is gone: see the `error` event */ });
const toggle = () => { if (address) player.paused ? play() : player.pause(); };

function timecode(frame, row) {
  const nominal = Math.ceil(row.rate[0] / row.rate[1]);
  if (row.drop_frame) {
    const drop = nominal / 15, minute = nominal * 60 - drop, ten = nominal * 600 - 9 * drop;
    const tens = Math.floor(frame / ten), rest = frame % ten;
    frame += tens * 9 * drop + Math.max(0, Math.floor((rest - drop) / minute)) * drop;
  }
  const seconds = Math.floor(frame / nominal), two = (number) => String(number).padStart(2, "0");
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(":") + (row.drop_frame ? ";" : ":") + two(frame % nominal);
}

// The row's frame on screen. The small offset corrects times that rounding puts just before the frame.
const frameAt = (seconds, row) => Math.min(row.frames - 1, Math.floor((seconds * row.rate[0]) / row.rate[1] + 0.01));

function paintScope() {
  const row = chosen;
  const length = row?.length || player.duration || 0, at = player.currentTime || 0;
  if (row) draw($("scope"), row, [$("scope").clientWidth, $("scope").clientHeight], length ? Math.min(1, at / length) : 0);
  else $("scope").getContext("2d").clearRect(0, 0, $("scope").width, $("scope").height);
  $("clock").textContent = row?.rate ? timecode(row.start + frameAt(at, row), row) : at.toFixed(2) + " s";
}

function run() { paintScope(); if (!player.paused && !player.ended) requestAnimationFrame(run); }

player.addEventListener("play", () => { $("play").textContent = "Stop"; run(); });
player.addEventListener("pause", () => { $("play").textContent = "Play"; });
player.addEventListener("seeked", paintScope);
player.addEventListener("loadedmetadata", paintScope);
player.addEventListener("error", () => { if (address) { $("nothing").hidden = false; $("play").disabled = true; } });
$("loop").addEventListener("change", () => { player.loop = $("loop").checked; });
$("play").addEventListener("click", toggle);
$("untouched").addEventListener("click", compare);
$("version").addEventListener("change", () => { hear($("version").value); list.focus(); });

const scrub = (event) => {
  const box = $("scope").getBoundingClientRect();
  const length = chosen?.length || player.duration || 0;
  if (address) player.currentTime = Math.max(0, Math.min(length, ((event.clientX - box.left) / box.width) * length));
};
$("scope").addEventListener("pointerdown", (event) => { $("scope").setPointerCapture(event.pointerId); scrub(event); });
$("scope").addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });

function step(frames) {
  if (!address || !chosen.rate) return;
  player.pause();
  const [over, under] = chosen.rate;
  const frame = Math.max(0, Math.min(chosen.frames - 1, frameAt(player.currentTime, chosen) + frames));
  player.currentTime = ((frame + 0.5) * under) / over; // the middle of the frame: on its edge either of two frames is shown
}

function move(by) {
  const at = shown.indexOf(chosen);
  const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
  if (next && next !== chosen) choose(next);
}

function judge(verdict) {
  if (!chosen || !chosen.take) return;
  decide(chosen, { verdict });
  if (verdict) move(1);
}

for (const verdict of ["keep", "reject"]) $(verdict).addEventListener("click", () => judge(verdict));
$("clear").addEventListener("click", () => judge(""));
$("note").addEventListener("input", () => { if (chosen) decide(chosen, { note: $("note").value }); });
$("note").addEventListener("keydown", (event) => { if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) { event.preventDefault(); list.focus(); } });

list.addEventListener("click", (event) => {
  const element = event.target.closest("li");
  for (const [row, each] of onScreen) if (each === element) { choose(row); return; }
});
for (const name of ["by-state", "by-model", "by-verdict", "sort"]) $(name).addEventListener("change", () => { sift(); list.focus(); });
$("find").addEventListener("input", sift);
$("find").addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); list.focus(); } });

// Files of verdicts.
function save() {
  const content = JSON.stringify({ tracklay: DATA.version, verdicts: verdicts() }, null, 2) + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = (DATA.title.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "report") + ".verdicts.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
$("save").addEventListener("click", save);
$("load").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (!file) return;
  try {
    const found = JSON.parse(await file.text());
    if (!found.tracklay) throw new TypeError("not a file of verdicts");
    applyVerdicts(found.verdicts);
  } catch { alert(file.name + " has no verdicts. Choose a file that this page saved."); return; }
  [...onScreen.keys()].forEach(paintVerdict);
  paintJudge();
  storeVerdicts();
  sift();
});

const KEYS = {
  ArrowDown: () => move(1), n: () => move(1), ArrowUp: () => move(-1), p: () => move(-1), PageDown: () => move(8), PageUp: () => move(-8),
  Home: () => shown.length && choose(shown[0]), End: () => shown.length && choose(shown[shown.length - 1]),
  " ": toggle, ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  k: () => judge("keep"), r: () => judge("reject"), u: () => judge(""), Enter: () => $("note").focus(), "/": () => $("find").focus(), s: save,
  t: compare, m: compareMix, l: () => $("loop").click(), a: () => $("auto").click(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input[type=search], textarea, select")) return;
  if (event.target.closest("button, input") && [" ", "Enter"].includes(event.key)) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let wide = 0;
new ResizeObserver(() => { if (list.clientWidth !== wide) { wide = list.clientWidth; redraw(); } else paintRows(); }).observe(list);
readColours();
sift();
list.focus();
