// The write-up as a form: every field is one of the text, and nothing is kept beside it.

import { el } from "../api.js";
import { change } from "./client.js";
import { entries, found, isBlank, readHead, vocabulary, withoutEntry, withoutItem, withoutValue } from "./frontmatter.js";
import { addressOf } from "./pointer.js";

/** Kinds of fields: `words` names a list of the vocabulary, `list` what may be chosen from besides typing; `is…` say how wide it is. */
const text = (name, label, more = {}) => ({ name, label, ...more });
const long = (name, label, hint) => ({ name, label, hint, isLong: true });
const words = (name, label, list) => ({ name, label, words: list });
const number = (name, label, hint) => ({ name, label, hint, isNumber: true });

/** The sections in the order in which one thinks; `more` are those that are folded. */
const SECTIONS = [
  { title: "Verdict", fields: [
    { name: "verdict", label: "What it was", choices: ["incident", "no incident"], isNarrow: true },
    words("severity", "Severity", "severity"),
    number("confidence", "Confidence, 0 to 1", "such as 0.8"),
    long("summary", "Summary", "What was broken, for whom, and why, in one or two sentences"),
  ] },
  { title: "Cause", name: "cause", hint: "What is wrong, and where", pointers: 12, fields: [
    words("component", "Component", "cause.component"),
    words("mechanism", "Mechanism", "cause.mechanism"),
    long("explanation", "Statement of the cause", "How it came to this, and how one sees it"),
  ] },
  { title: "Trigger", name: "trigger", hint: "What started it", pointers: 6, fields: [
    words("kind", "Kind", "trigger.kind"),
    text("deploy", "Deploy", { list: "deploys", hint: "its id, if it was one" }),
    long("explanation", "Why it was that"),
  ] },
  { title: "Ruled out", name: "ruled_out", entry: "cause that is ruled out", hint: "Another cause of this page, and what would be different if it were that", pointers: 6, fields: [
    words("component", "Component", "cause.component"),
    words("mechanism", "Mechanism", "cause.mechanism"),
    long("hypothesis", "Hypothesis"),
    long("because", "Excluded because"),
  ] },
  { title: "Impact", name: "impact", hint: "What customers noticed; the numbers were counted by the gateway when the write-up was started", pointers: 6, fields: [
    text("start", "Start", { isTime: true }),
    text("end", "End", { isTime: true, hint: "empty while it goes on" }),
    number("requests", "Requests", "to the affected routes"),
    number("failed", "Failed"),
    number("slow", "Slow", "answered, but too late to be useful"),
    number("p99_ms", "p99 in ms"),
    long("description", "Description"),
  ] },
  { title: "Mitigation", name: "mitigation", hint: "What ended it", pointers: 6, fields: [
    text("action", "Action", { list: "actions", hint: "such as: rollback inventory; or: none" }),
    text("at", "At", { isTime: true }),
  ] },
  { title: "Timeline", name: "timeline", entry: "entry", hint: "The change, the first symptom, the page, your actions", pointers: 6, fields: [text("at", "At", { isTime: true }), text("what", "What", { isRest: true })] },
  { title: "Reproduction", name: "reproduction", hint: "Requests that show the symptom, run on copies of the shop with and without the change", items: "command", fields: [long("shows", "What they show")] },
  { title: "Action items", name: "action_items", entry: "action item", fields: [text("what", "What", { isRest: true }), text("owner", "Owner", { isNarrow: true, hint: "a role or a team" })] },
  { title: "Alert for next time", name: "alert", hint: "Silent in the baseline, firing in the incident", fields: [long("expr", "PromQL with its threshold"), text("for", "For", { hint: "such as 10s" })] },
  { title: "Contributing", name: "contributing", entry: "factor", hint: "What made it possible or worse", pointers: 6, fields: [text("what", "What", { isWide: true }), words("component", "Component", "cause.component"), words("mechanism", "Mechanism", "cause.mechanism")] },
  { title: "Detection", name: "detection", pointers: 6, fields: [text("at", "At", { isTime: true }), text("by", "By", { hint: "the alert, or how else" })] },
];

export class Form {
  /** `context` is the part's; `draft` is what is written. */
  constructor(draft, context) {
    this.draft = draft;
    this.context = context;
    this.isFixed = context.isObserver();
    this.fields = [];
    this.lists = [];
    this.added = {};
    this.marks = new Map();
    this.words = {};
    this.head = readHead("");
    this.datalists = { deploys: el("datalist", { id: "deploys-known" }), actions: el("datalist", { id: "actions-done" }) };
    this.broken = el("p", { class: "error", role: "alert", hidden: true });
    this.sections = SECTIONS.map((section) => this.section(section));
    this.body = el("div", {}, this.sections.map(({ element }) => element));
    this.element = el("div", { class: "write-form" }, this.broken, ...Object.values(this.datalists), this.body);
  }

  /** What may be chosen where a deploy or an action is meant. */
  offer(deploys, actions) {
    const option = (value, label) => el("option", { value, label });
    this.datalists.deploys.replaceChildren(...deploys.filter(({ command }) => !command).reverse().map(({ id, summary }) => option(id, summary)));
    this.datalists.actions.replaceChildren(...[...new Set(actions)].map((one) => option(one, one)), option("none", "none"));
  }

  /** Shows the text as it is, but leaves what is being typed. */
  refresh() {
    const { draft } = this;
    this.head = readHead(draft.text ?? "");
    const listed = vocabulary(draft.text ?? "");
    if (Object.keys(listed).length) this.words = listed;
    this.broken.hidden = this.head.broken === null;
    this.body.inert = this.head.broken !== null;
    if (this.head.broken !== null) this.broken.textContent = `The front matter cannot be read from line ${this.head.broken} on. Correct it in the text; until then the form cannot show it all, and changes nothing.`;
    for (const section of this.sections) section.refresh();
    for (const field of this.fields.filter(({ root }) => root.isConnected)) this.show(field);
    for (const list of this.lists.filter(({ element }) => element.isConnected)) this.showItems(list);
  }

  value(key) {
    const held = found(this.head, key);
    return this.draft.fields.get(key) ?? this.draft.refused.get(key)?.value ?? (typeof held?.value === "string" ? held.value : "");
  }

  show(field) {
    const { input, key, note, spec, meaning } = field;
    const value = this.value(key);
    if (spec.words) this.offerWords(field, value);
    // What has the focus is ahead of the text while it is saved.
    if (input.value !== value) input.value = value;
    const refused = this.draft.refused.get(key);
    note.textContent = refused?.why ?? "";
    input.toggleAttribute("aria-invalid", Boolean(refused));
    if (meaning) meaning.textContent = (this.words[spec.words] ?? []).find(([word]) => word === value)?.[1] ?? "";
    if (spec.isLong) input.rows = Math.max(2, Math.min(8, Math.ceil(value.length / 64)));
  }

  offerWords({ input, spec }, value) {
    const listed = this.words[spec.words] ?? [];
    const list = [["", "—"], ...listed.map(([word, meaning]) => [word, `${word} · ${meaning}`])];
    if (value && !listed.some(([word]) => word === value)) list.push([value, value]);
    const shape = list.map(([word]) => word).join();
    if (input.shape === shape) return;
    input.shape = shape;
    input.replaceChildren(...list.map(([word, label]) => el("option", { value: word }, label)));
  }

  section(spec) {
    const { title, name, hint, entry } = spec;
    const box = el("div", {});
    const blocks = [];
    const heading = el("h2", {}, title, hint ? el("span", { class: "quiet" }, ` ${hint}`) : "");
    const add = entry && !this.isFixed ? el("button", { type: "button", class: "add", onclick: () => { this.added[name] = (this.added[name] ?? 0) + 1; this.refresh(); blocks.at(-1).querySelector("select, input, textarea")?.focus(); } }, `Add ${/^[aeiou]/.test(entry) ? "an" : "a"} ${entry}`) : "";
    if (!entry) box.append(this.block(spec, name ? `${name}.` : "", name));
    const refresh = () => {
      if (!entry) return;
      const there = entries(this.head, name);
      // What was added is in the text once something is typed.
      const typed = [...this.draft.fields.keys()].map((key) => Number(key.startsWith(`${name}[`) ? key.slice(name.length + 1).split("]")[0] : -1));
      const wanted = Math.max(1, there.length, ...typed.map((index) => index + 1), (this.base?.[name] ?? there.length) + (this.added[name] ?? 0));
      if (this.added[name] && there.length >= wanted) this.added[name] = 0;
      if (!this.added[name]) this.base = { ...this.base, [name]: there.length };
      while (blocks.length < wanted) {
        const index = blocks.length;
        const block = this.block(spec, `${name}[${index}].`, `${name}[${index}]`);
        if (!this.isFixed) block.append(el("button", { type: "button", class: "small remove", title: `${entry} ${index + 1}`, onclick: () => this.remove(name, index) }, `remove this ${entry.split(" ")[0] === "action" ? "item" : entry.split(" ")[0]}`));
        blocks.push(block);
        box.append(block);
      }
      while (blocks.length > wanted) blocks.pop().remove();
    };
    return { element: el("section", { class: "card", "aria-label": title }, heading, box, add), refresh };
  }

  block(spec, prefix, part) {
    const fields = spec.fields.map((field) => this.field(field, prefix + field.name));
    const pointers = spec.pointers ? this.items(`${prefix}evidence`, { part, isEvidence: true, most: spec.pointers }) : "";
    const others = spec.items ? this.items(`${prefix}${spec.items}`, { part, most: 10 }) : "";
    return el("div", { class: spec.entry ? "fields one-entry" : "fields" }, fields, others, pointers);
  }

  field(spec, key) {
    const typed = (more) => ({ autocomplete: "off", readonly: this.isFixed, disabled: this.isFixed && (spec.words || spec.choices), "data-key": key, oninput: () => this.typed(spec, key, input.value), onblur: () => this.draft.isUnsaved() && this.draft.flush(), ...more });
    let input;
    if (spec.words || spec.choices) input = el("select", typed(), (spec.choices ? ["", ...spec.choices] : []).map((value) => el("option", { value }, value || "—")));
    else if (spec.isLong) input = el("textarea", typed({ rows: 2, spellcheck: String(spec.name !== "expr"), placeholder: spec.hint }));
    else input = el("input", typed({ list: spec.list && { deploys: "deploys-known", actions: "actions-done" }[spec.list], inputmode: spec.isNumber ? "decimal" : undefined, placeholder: spec.isTime ? "10:02:30, page+30s" : spec.hint, title: spec.hint }));
    const note = el("span", { class: "wrong", role: "status" });
    const meaning = spec.words ? el("span", { class: "quiet" }) : null;
    const now = spec.isTime && !this.isFixed && ["end", "at"].includes(spec.name) && !key.startsWith("detection") ? el("button", { type: "button", class: "small", onclick: () => { this.draft.set(key, "now"); this.draft.flush(); } }, "now") : null;
    const label = el("label", {}, el("span", { class: "name" }, spec.label), input);
    const root = el("div", { class: `write-field${spec.isLong || spec.isWide ? " wide" : ""}${spec.isRest ? " rest" : ""}${spec.isNumber || spec.isTime || spec.isNarrow ? " narrow" : ""}` }, label, now, meaning, note);
    this.fields.push({ root, input, note, meaning, key, spec });
    return root;
  }

  typed(spec, key, typed) {
    const value = typed.replace(/\s*\n\s*/g, " ");
    const held = found(this.head, key);
    if (spec.isNumber && value.trim() === "") {
      this.draft.fields.delete(key);
      this.draft.refused.delete(key);
      if (held) this.draft.type(withoutValue(this.draft.text, held));
      return;
    }
    this.draft.set(key, spec.isNumber ? value.trim() : value);
  }

  async remove(name, index) {
    if (!(await this.draft.flush())) return this.context.say("It is not saved yet; try again then.", true);
    const section = entries(readHead(this.draft.text), name)[index];
    this.added[name] = 0;
    if (section) this.draft.type(withoutEntry(this.draft.text, section));
    this.refresh();
  }

  // ---- lists: pointers, and the commands of the reproduction ----

  items(key, { part, isEvidence = false, most }) {
    const list = el("ul", { class: "pinned" });
    const count = el("span", { class: "quiet" });
    const typed = el("input", { "aria-label": isEvidence ? `Pointer for ${part}` : `Request for ${part}`, placeholder: isEvidence ? "trace:… promql:…@TIME log:… deploy:… heap:A..B" : "firedrill request GET \"/v1/products?visit={n}\" --times 20", class: "mono" });
    const told = el("span", { class: "wrong", role: "status" });
    const add = el("form", { class: "pin-here", onsubmit: (event) => { event.preventDefault(); this.pin(typed, told, key, part, isEvidence); } }, typed, el("button", { type: "submit", class: "small" }, isEvidence ? "Pin" : "Add"));
    const element = el("div", { class: "write-field wide" }, el("span", { class: "name" }, isEvidence ? "Evidence" : "Requests", count), list, this.isFixed ? "" : add, told);
    this.lists.push({ element, list, count, key, most, isEvidence });
    return element;
  }

  async pin(typed, told, key, part, isEvidence) {
    const value = typed.value.trim();
    if (!value) return;
    told.textContent = "";
    try {
      await this.draft.flush();
      if (isEvidence) await change("report/pin", { pointer: value, to: part });
      else await change("report/set", { fields: [`${key}+=${value}`] });
      typed.value = "";
      await this.draft.load();
    } catch (error) {
      told.textContent = this.draft.said(error);
    }
  }

  showItems({ list, key, count, most, isEvidence }) {
    const held = found(this.head, key)?.items ?? [];
    const shape = JSON.stringify(held.map(({ value }, index) => [value, isEvidence ? this.mark(key, index)?.word : ""]));
    if (list.dataset.shape === shape) return;
    list.dataset.shape = shape;
    count.textContent = held.length ? ` ${held.length} of at most ${most}` : isEvidence ? " nothing is pinned here" : "";
    list.replaceChildren(...held.map(({ value }, index) => {
      const mark = isEvidence ? this.mark(key, index) : null;
      const address = isEvidence ? addressOf(value, this.context.incident) : null;
      const away = address?.startsWith("http") ? { target: "_blank", rel: "noopener" } : {};
      return el("li", isEvidence ? { "data-row": "", tabindex: "0", "data-pointer": value } : {},
        mark ? el("span", { class: `badge ${mark.style}`, title: mark.text }, mark.word) : isEvidence ? el("span", { class: "badge" }, "…") : "",
        address ? el("a", { class: "mono", href: address, ...away }, value) : el("span", { class: "mono" }, value),
        this.isFixed ? "" : el("button", { type: "button", class: "small", "aria-label": `Remove ${value}`, onclick: () => this.drop(key, index, value) }, "remove"));
    }));
  }

  async drop(key, index, value) {
    if (!(await this.draft.flush())) return this.context.say("It is not saved yet; try again then.", true);
    const item = found(readHead(this.draft.text), key)?.items?.[index];
    // It may have changed meanwhile.
    if (item?.value !== value) return;
    this.draft.type(withoutItem(this.draft.text, item));
    this.draft.flush();
  }

  /** What the check says of a pointer; it counts entries without the blank ones. */
  mark(key, index) {
    const [, name, place, rest] = /^([a-z_]+)(?:\[(\d+)\])?\.(.*)$/.exec(key);
    const before = place === undefined ? 0 : entries(this.head, name).slice(0, Number(place)).filter(isBlank).length;
    return this.marks.get(place === undefined ? `${name}.${rest}[${index}]` : `${name}[${Number(place) - before}].${rest}[${index}]`);
  }

  /** `marks`: address -> `{word, style, text}`. */
  judge(marks) {
    this.marks = marks;
    for (const list of this.lists.filter(({ element }) => element.isConnected)) this.showItems(list);
  }
}
