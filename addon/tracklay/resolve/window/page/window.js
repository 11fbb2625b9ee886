"use strict";

// The page's state is the server's: it is asked for once a second and drawn. Only what the user types lives here.

const find = (id) => document.getElementById(id);
const KEY = "tracklay-key";
const POLL_MILLISECONDS = 1000;
const STATES = {
  waiting: "waiting", rendering: "Resolve renders the picture", extract: "extracting the picture", generate: "generating",
  conform: "conforming", working: "finishing", ready: "ready", kept: "kept: laid in Resolve", failed: "failed",
};

let state = null;
let price = null;
let chosenTake = null;
let playingTake = null;
let estimates = 0;
const unticked = new Set();
const sounds = new Map();
const notes = new Map();

async function ask(path, body) {
  const headers = { "X-Tracklay-Key": sessionStorage.getItem(KEY) || "" };
  const options = { headers };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  const reply = await fetch(path, options);
  if (reply.headers.get("Content-Type") === "audio/wav") return reply.blob();
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

function say(text) {
  find("message").textContent = text;
  find("message").hidden = !text;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function request() {
  const seed = find("seed").value;
  return {
    cues: state.cues.filter((cue) => !cue.error && !unticked.has(cue.id)).map((cue) => cue.id),
    model: find("model").value,
    prompt: find("prompt").value,
    negative: find("negative").value,
    takes: Number(find("count").value),
    seed: seed === "" ? null : Number(seed),
    as_one: find("as-one").checked,
    best: find("best").checked,
    params: Object.fromEntries([...find("parameters").querySelectorAll("[name]")].map((each) => [each.name, each.value.trim()])),
  };
}

function amountText(amount, currency) {
  if (amount === null) return "price not known";
  return Number(amount) === 0 ? "free" : `${Number(amount).toLocaleString("en", { maximumFractionDigits: 4 })} ${currency}`;
}

// What is empty is the model's own default, and is not sent.
function parameterField(parameter) {
  const id = `parameter-${parameter.name}`;
  const unit = parameter.unit ? `, ${parameter.unit}` : "";
  const options = parameter.type === "boolean" ? ["true", "false"] : parameter.choices;
  const usual = parameter.default === null ? "" : String(parameter.default);
  let field;
  if (options.length) {
    field = element("select", { id, name: parameter.name });
    if (!parameter.required) field.append(element("option", { value: "", textContent: usual ? `default: ${usual}` : "default" }));
    field.append(...options.map((value) => element("option", { value, textContent: value })));
  } else {
    field = element("input", { id, name: parameter.name, autocomplete: "off", placeholder: usual, required: parameter.required && !usual });
    if (parameter.type === "integer" || parameter.type === "number") {
      field.type = "number";
      field.step = parameter.type === "integer" ? "1" : "any";
      if (parameter.minimum !== null) field.min = parameter.minimum;
      if (parameter.maximum !== null) field.max = parameter.maximum;
    }
  }
  field.addEventListener("change", estimate);
  const help = element("small", { id: `${id}-help`, textContent: parameter.help });
  field.setAttribute("aria-describedby", help.id);
  return element("div", {}, element("label", { htmlFor: id, textContent: parameter.name.replaceAll("_", " ") + unit }), field, help);
}

function drawParameters(model) {
  find("parameters").replaceChildren(...model.parameters.map(parameterField));
  find("more").hidden = model.parameters.length === 0;
  if (model.parameters.some((each) => each.required && each.default === null)) find("more").open = true;
}

function invalidText() {
  const field = find("request").querySelector("input:invalid");
  if (field.id === "count") return "Takes must be 1 to 99.";
  return `${find("request").querySelector(`label[for="${field.id}"]`).textContent}: ${field.validationMessage}`;
}

async function estimate() {
  const number = ++estimates;
  const wanted = request();
  // Until the answer comes, the price that is shown counts: a press of Generate sends it, and it is refused only if it has changed.
  let text = "", failed = true, shown = null;
  if (!wanted.cues.length) text = "Tick a clip.";
  else if (!find("request").checkValidity()) text = invalidText();
  else {
    try {
      const found = await ask("/api/estimate", wanted);
      if (number !== estimates) return;
      shown = { amount: found.amount, currency: found.currency };
      failed = found.amount === null;
      text = `${found.takes} ${found.takes === 1 ? "take" : "takes"}, ${found.seconds.toLocaleString("en", { maximumFractionDigits: 1 })} s: ${amountText(found.amount, found.currency)}`;
    } catch (error) {
      if (number !== estimates) return;
      text = error.message;
    }
  }
  price = shown;
  find("price").textContent = text;
  find("price").classList.toggle("warn", failed);
  find("generate").disabled = price === null;
  find("generate").textContent = price && Number(price.amount) ? `Generate for ${amountText(price.amount, price.currency)}` : "Generate";
}

function drawCues() {
  const list = find("cues");
  const key = JSON.stringify(state.cues);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...state.cues.map((cue) => {
    const box = element("input", { type: "checkbox", checked: !cue.error && !unticked.has(cue.id), disabled: Boolean(cue.error) });
    box.addEventListener("change", () => {
      box.checked ? unticked.delete(cue.id) : unticked.add(cue.id);
      estimate();
    });
    const row = element("label", {}, box, element("b", { textContent: cue.id }), element("time", { textContent: `${cue.start}, ${cue.seconds.toFixed(2)} s` }));
    const remark = cue.error || (cue.render && `Resolve renders it first: ${cue.render}.`);
    if (remark) row.append(element("small", { textContent: remark }));
    return element("li", { className: cue.error ? "error" : "" }, row);
  }));
}

function detailText(take) {
  const parts = [take.cue, take.model];
  if (take.seconds !== null) parts.push(`${take.seconds.toFixed(2)} s`, `seed ${take.seed}`);
  if (take.cost && Number(take.cost.amount)) parts.push(`${take.cost.estimated ? "about " : ""}${amountText(take.cost.amount, take.cost.currency)}`);
  const score = take.score && [`score ${take.score.value}`, ...take.score.reasons].join(", ");
  const remarks = [score, take.message, ...take.notes, ...(notes.get(take.id) || [])].filter(Boolean);
  return [parts.join(" · "), ...remarks].join("\n");
}

function drawTakes() {
  const list = find("takes");
  find("empty").hidden = state.takes.length > 0;
  find("player").hidden = !state.takes.some((take) => take.name);
  const known = new Map([...list.children].map((row) => [Number(row.dataset.id), row]));
  // The newest request first, its takes in their order.
  const order = [...state.takes].sort((a, b) => b.run - a.run || a.id - b.id);
  order.forEach((take, index) => {
    const row = known.get(take.id) || takeRow(take.id);
    known.delete(take.id);
    updateRow(row, take);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] || null);
  });
  for (const row of known.values()) row.remove();
}

function takeRow(id) {
  const row = element("li", { tabIndex: -1 });
  row.dataset.id = id;
  const play = element("button", { type: "button", className: "play", textContent: "Play" });
  const keep = element("button", { type: "button", className: "keep", textContent: "Keep" });
  play.addEventListener("click", () => togglePlay(id));
  keep.addEventListener("click", () => (keep.dataset.act === "cancel" ? cancelTake(id) : keepTake(id)));
  row.append(play, element("div", {}, element("div", { className: "name" }), element("div", { className: "detail" }), element("progress", { max: 1 })), keep);
  row.addEventListener("focusin", () => choose(id));
  row.addEventListener("click", () => choose(id));
  return row;
}

function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function updateRow(row, take) {
  const done = take.state === "ready" || take.state === "kept" || take.state === "failed";
  row.className = take.state;
  row.setAttribute("aria-current", String(take.id === chosenTake));
  row.setAttribute("aria-label", `${take.name || take.cue}, ${STATES[take.state] || take.state}`);
  setText(row.querySelector(".name"), take.name || `${take.cue}: ${STATES[take.state] || take.state}`);
  setText(row.querySelector(".detail"), (take.state === "kept" ? `${STATES.kept}\n` : "") + detailText(take));
  const progress = row.querySelector("progress");
  progress.hidden = done;
  progress.setAttribute("aria-label", `Progress of ${take.cue}`);
  if (take.fraction === null) progress.removeAttribute("value");
  else progress.value = take.fraction;
  const play = row.querySelector(".play");
  play.disabled = !take.name;
  setText(play, take.id === playingTake ? "Pause" : "Play");
  play.setAttribute("aria-label", `${play.textContent} ${take.name || take.cue}`);
  const keep = row.querySelector(".keep");
  keep.dataset.act = done ? "keep" : "cancel";
  setText(keep, done ? (take.state === "kept" ? "Kept" : "Keep") : "Cancel");
  keep.hidden = take.state === "failed";
  keep.disabled = take.state === "kept";
  keep.setAttribute("aria-pressed", String(take.state === "kept"));
  keep.setAttribute("aria-label", `${keep.textContent} ${take.name || take.cue}`);
}

function choose(id) {
  chosenTake = id;
  for (const row of find("takes").children) row.setAttribute("aria-current", String(Number(row.dataset.id) === id));
}

async function togglePlay(id) {
  const player = find("player");
  if (playingTake === id && !player.paused) {
    player.pause();
    return;
  }
  try {
    if (!sounds.has(id)) sounds.set(id, URL.createObjectURL(await ask(`/api/takes/${id}/audio`)));
    if (player.src !== sounds.get(id)) player.src = sounds.get(id);
    playingTake = id;
    await player.play();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  }
  drawTakes();
}

async function keepTake(id) {
  const take = state.takes.find((each) => each.id === id);
  if (!take || take.state !== "ready") return;
  try {
    const answer = await ask("/api/keep", { take: id });
    notes.set(id, answer.notes);
    say("");
    find("status").textContent = `${take.name} is laid in Resolve.`;
  } catch (error) {
    say(error.message);
  }
  await poll();
}

async function cancelTake(id) {
  await ask("/api/cancel", { take: id }).catch((error) => say(error.message));
}

async function generate() {
  if (find("generate").disabled) return;
  find("generate").disabled = true;
  try {
    const answer = await ask("/api/generate", { ...request(), ...price });
    say("");
    chosenTake = answer.takes[0];
  } catch (error) {
    say(error.message);
  }
  await poll();
  await estimate();
}

async function testResolve() {
  const button = find("test");
  button.disabled = true;
  setText(button, "Testing …");
  try {
    const { checks } = await ask("/api/selftest", {});
    find("checks").replaceChildren(...checks.map((check) => {
      const mark = check.ok === null ? "–" : check.ok ? "ok" : "wrong";
      return element("li", { className: mark }, element("b", { textContent: mark }), element("span", { textContent: check.name }), element("small", { textContent: check.detail }));
    }));
    say("");
    find("findings").showModal();
  } catch (error) {
    say(error.message);
  }
  setText(button, "Self-test");
  button.disabled = false;
}

async function read() {
  state = await ask("/api/refresh", { scope: find("scope").value });
  unticked.clear();
  draw();
  say(state.message);
  await estimate();
}

function draw() {
  setText(find("timeline"), state.timeline || "–");
  setText(find("rate"), state.rate || "–");
  setText(find("folder"), state.folder || "–");
  document.title = state.timeline ? `${state.timeline} – Tracklay` : "Tracklay";
  drawCues();
  drawTakes();
}

async function poll() {
  state = await ask("/api/state");
  draw();
}

async function keepPolling() {
  try {
    await poll();
    setTimeout(keepPolling, POLL_MILLISECONDS);
  } catch (error) {
    end("Tracklay has ended. Open it from Resolve's menu again.");
  }
}

function end(text) {
  say(text);
  for (const each of document.querySelectorAll("main button, main input, main select, main textarea, #test, #close")) each.disabled = true;
}

async function listModels() {
  const models = await ask("/api/models");
  const groups = new Map();
  for (const model of models) {
    const task = model.task[0].toUpperCase() + model.task.slice(1);
    if (!groups.has(task)) groups.set(task, element("optgroup", { label: task }));
    groups.get(task).append(element("option", { value: model.id, textContent: model.title }));
  }
  find("model").replaceChildren(...groups.values());
  find("model").addEventListener("change", showModel);
  function showModel() {
    const model = models.find((each) => each.id === find("model").value);
    find("summary").textContent = `${model.summary} Licence: ${model.licence}.`;
    // Music plays over the cuts of a scene; everything else is made for what each clip shows.
    find("as-one").checked = model.task === "music";
    drawParameters(model);
    estimate();
  }
  showModel();
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=checkbox])");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    generate();
    return;
  }
  if (!state || find("findings").open || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || !state.takes.length) return;
  const rows = [...find("takes").children];
  const at = rows.findIndex((row) => Number(row.dataset.id) === chosenTake);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const to = Math.min(rows.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
    rows[to].focus();
    event.preventDefault();
  } else if (event.key === " " && !event.target.matches("button, input, audio")) {
    if (at >= 0) togglePlay(chosenTake);
    event.preventDefault();
  } else if (event.key.toLowerCase() === "k" && at >= 0) keepTake(chosenTake);
});

async function start() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  try {
    if (token) sessionStorage.setItem(KEY, (await ask("/api/session", { token })).key);
    if (!sessionStorage.getItem(KEY)) throw new Error("This window has no key. Open Tracklay from Resolve's menu again.");
    state = await ask("/api/state");
  } catch (error) {
    end(error.message);
    return;
  }
  document.querySelector("main").hidden = false;
  draw();
  say(state.message);
  await listModels();
  for (const id of ["prompt", "negative", "count", "seed", "as-one", "best"]) find(id).addEventListener("change", estimate);
  find("request").addEventListener("submit", (event) => {
    event.preventDefault();
    generate();
  });
  find("read").addEventListener("click", read);
  find("test").addEventListener("click", testResolve);
  find("scope").addEventListener("change", read);
  find("close").addEventListener("click", async () => {
    await ask("/api/close", {}).catch(() => null);
    end("Closed. Takes that were not kept stay in the folder.");
  });
  const player = find("player");
  for (const name of ["pause", "ended"]) player.addEventListener(name, () => { playingTake = null; drawTakes(); });
  setTimeout(keepPolling, POLL_MILLISECONDS);
}

start();
