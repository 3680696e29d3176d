// Proposals while an expression is typed: metrics, functions, labels, label values, earlier expressions.

import { call, el, recall, remember } from "./api.js";

const FUNCTIONS = `abs absent absent_over_time avg avg_over_time bottomk ceil changes clamp clamp_max clamp_min count
count_over_time count_values delta deriv exp floor group histogram_quantile idelta increase irate label_join
label_replace last_over_time ln log10 log2 max max_over_time min min_over_time predict_linear present_over_time
quantile quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev stddev_over_time sum
sum_over_time time timestamp topk vector`.split(/\s+/);
const WORDS = ["by", "without", "offset", "bool", "and", "or", "unless", "on", "ignoring", "group_left", "group_right"];
const MOST = 40;
const MOST_HISTORY = 60;

let names = { list: [], about: {} };
let asked = { at: 0, answer: null };

/** Names and descriptions of metrics, asked for at most every ten seconds. */
function metrics() {
  if (Date.now() - asked.at > 10000) {
    const answer = Promise.all([call("label/__name__/values"), call("metadata")]);
    asked = { at: Date.now(), answer: answer.then(([list, about]) => (names = { list: list.data, about: about.data })) };
  }
  return asked.answer;
}

/** What is known about a metric; series of a histogram are described under its base name. */
function about(name) {
  const base = name.replace(/_(bucket|sum|count|total)$/, "");
  return (names.about[name] ?? names.about[base] ?? [])[0];
}

export function history() {
  return recall("history", []);
}

export function addToHistory(expression) {
  const rest = history().filter((known) => known !== expression);
  remember("history", [expression, ...rest].slice(0, MOST_HISTORY));
}

/** What stands before the caret: kind of what is due, the beginning of it, and where that begins. */
function context(text) {
  const quote = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"\n]*)$/.exec(text);
  const open = text.lastIndexOf("{") > text.lastIndexOf("}");
  const metric = open ? /([a-zA-Z_:][\w:]*)\s*\{[^{}]*$/.exec(text)?.[1] : undefined;
  if (open && quote) return { kind: "value", label: quote[1], metric, word: quote[2] };
  const word = /[a-zA-Z_:][\w:]*$/.exec(text)?.[0] ?? "";
  const isGrouping = /\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*$/.test(text);
  if (open || isGrouping) return { kind: "label", metric: metric ?? /([a-zA-Z_:][\w:]*)(?=[{[])/.exec(text)?.[1], word };
  if (/"[^"]*$/.test(text.replace(/"[^"]*"/g, "")) || /\[[^\]]*$/.test(text)) return { kind: "none", word: "" };
  return { kind: "name", word };
}

/** How well a proposal fits what was typed; 0 is not at all. */
function fit(word, proposal) {
  const [typed, whole] = [word.toLowerCase(), proposal.toLowerCase()];
  if (whole.startsWith(typed)) return 3;
  if (whole.split("_").some((part) => part.startsWith(typed))) return 2;
  // `http_du` means `http_server_request_duration_seconds`: the parts in order, whatever stands between them.
  let from = 0;
  return typed.split("_").every((part) => (from = whole.indexOf(part, from) + 1) > 0) ? 1 : 0;
}

function best(word, proposals) {
  return proposals
    .map((proposal) => ({ ...proposal, score: fit(word, proposal.text) }))
    .filter((proposal) => proposal.score > 0 && (proposal.text !== word || proposal.after === '"'))
    .sort((a, b) => b.score - a.score || a.text.localeCompare(b.text))
    .slice(0, MOST);
}

async function proposals(found, isAsked) {
  const params = found.metric ? { "match[]": `{__name__="${found.metric}"}` } : {};
  if (found.kind === "value") {
    const answer = await call(`label/${encodeURIComponent(found.label)}/values`, params);
    return best(found.word, answer.data.map((text) => ({ text, note: "", insert: text.replace(/["\\]/g, "\\$&"), after: '"' })));
  }
  if (found.kind === "label") {
    const answer = await call("labels", params);
    return best(found.word, answer.data.filter((name) => name !== "__name__").map((text) => ({ text, note: "label" })));
  }
  if (found.kind !== "name" || (!found.word && !isAsked)) return [];
  const known = await metrics();
  return best(found.word, [
    ...known.list.map((text) => ({ text, note: about(text)?.type ?? "", help: about(text)?.help })),
    ...FUNCTIONS.map((text) => ({ text, note: "function", after: "(" })),
    ...(found.word ? WORDS.map((text) => ({ text, note: "keyword" })) : []),
  ]);
}

/** Adds proposals and history to a text area; `run` is called on Enter. */
export function complete(input, run) {
  const list = el("ul", { class: "proposals", role: "listbox", hidden: true });
  input.after(list);
  let [items, chosen, turn, replaces] = [[], -1, 0, 0];

  const close = () => {
    items = [];
    list.hidden = true;
  };
  const choose = (index) => {
    chosen = (index + items.length) % items.length;
    [...list.children].forEach((child, at) => child.classList.toggle("chosen", at === chosen));
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const take = (item) => {
    const [caret, text] = [input.selectionStart, input.value];
    const start = caret - replaces;
    const insert = (item.insert ?? item.text) + (item.after ?? "");
    // A quote or a parenthesis that is there already is used.
    const rest = text.slice(item.after && text[caret] === item.after ? caret + 1 : caret);
    input.value = item.whole ? item.text : text.slice(0, start) + insert + rest;
    const place = item.whole ? item.text.length : start + insert.length;
    input.setSelectionRange(place, place);
    input.dispatchEvent(new Event("input"));
    close();
    input.focus();
  };
  const open = (found, length) => {
    [items, replaces] = [found, length];
    list.replaceChildren(...found.map((item) => el(
      "li",
      { role: "option", title: item.help ?? false, onpointerdown: (event) => { event.preventDefault(); take(item); } },
      el("span", { class: "text" }, item.text), el("span", { class: "note" }, item.note ?? ""),
    )));
    list.hidden = !found.length;
    if (found.length) choose(0);
  };
  const propose = async (isAsked) => {
    const mine = (turn += 1);
    const found = context(input.value.slice(0, input.selectionStart));
    const list = await proposals(found, isAsked).catch(() => []);
    if (mine === turn && document.activeElement === input) open(list, found.word.length);
  };
  const showHistory = () => open(history().map((text) => ({ text, note: "history", whole: true })), 0);

  input.addEventListener("input", (event) => { if (event.isTrusted) propose(false); });
  input.addEventListener("blur", () => { turn += 1; close(); });
  input.addEventListener("keydown", (event) => {
    const isOpen = !list.hidden;
    if (event.key === " " && event.ctrlKey) propose(true);
    else if (event.key === "ArrowDown" && isOpen) choose(chosen + 1);
    else if (event.key === "ArrowUp" && isOpen) choose(chosen - 1);
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !input.value) showHistory();
    else if ((event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) && isOpen) take(items[chosen]);
    else if (event.key === "Escape" && isOpen) close();
    else if (event.key === "Enter" && !event.shiftKey) { turn += 1; close(); run(); }
    else return;
    event.preventDefault();
  });
  return { showHistory: () => { input.focus(); turn += 1; showHistory(); } };
}
