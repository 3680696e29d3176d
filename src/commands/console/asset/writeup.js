// The write-up: form and text in one, saved at every pause, with the strength of its evidence beside it.

import { el } from "../api.js";
import { change, read } from "./client.js";
import { draftOf } from "./draft.js";
import { changed } from "./form.js";
import { Strength } from "./strength.js";
import { askToSubmit } from "./submit.js";
import { Form } from "./writeup-form.js";

/** How often it is looked whether the file was changed in the terminal. */
const EVERY = 3000;

export function draw(main, context) {
  const { incident } = context;
  const draft = draftOf(incident.run);
  draft.isReadOnly = context.isObserver();
  const page = new Page(main, context, draft);
  page.start();
  return { update: (next, before) => page.update(next, before), leave: () => page.leave() };
}

class Page {
  constructor(main, context, draft) {
    this.main = main;
    this.context = context;
    this.draft = draft;
    this.isText = context.params.get("tab") === "text" || context.isObserver();
    this.timer = 0;
    this.isOver = false;
    this.wasBegun = null;
    this.version = "";
    this.reload = () => draft.load().catch(() => {});
    this.onLine = () => draft.flush();
  }

  async start() {
    this.main.replaceChildren(el("p", { class: "quiet", role: "status" }, "reading the write-up …"));
    try {
      await this.draft.open();
    } catch (error) {
      if (this.isOver) return;
      this.main.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
      this.timer = setTimeout(() => this.start(), EVERY);
      return;
    }
    if (this.isOver) return;
    this.draft.listener = () => this.refresh();
    addEventListener("draft", this.reload);
    addEventListener("online", this.onLine);
    this.refresh();
    this.watch();
  }

  /** The terminal may change the file at any time. */
  watch() {
    this.timer = setTimeout(async () => {
      if (!document.hidden && !this.draft.work) await this.reload();
      if (!this.isOver) this.watch();
    }, EVERY);
  }

  update(next) {
    const { incident } = this.context;
    const isOther = incident.phase !== next.phase || incident.is_live !== next.is_live || incident.can_amend !== next.can_amend || incident.pages.length !== next.pages.length;
    this.context = { ...this.context, incident: next };
    if (this.form) this.form.context = this.context;
    if (this.strength) this.strength.incident = next;
    this.offer();
    if (!isOther) return;
    this.showTools();
    this.strength?.check();
  }

  leave() {
    this.isOver = true;
    clearTimeout(this.timer);
    removeEventListener("draft", this.reload);
    removeEventListener("online", this.onLine);
    this.draft.listener = null;
    this.strength?.leave();
    this.draft.flush();
  }

  // ---- what is shown ----

  refresh() {
    if (this.isOver) return;
    const isBegun = this.draft.text !== null;
    if (isBegun !== this.wasBegun) {
      this.wasBegun = isBegun;
      if (isBegun) this.build();
      else this.main.replaceChildren(this.beginning());
    }
    if (!isBegun) return;
    this.showState();
    this.showConflict();
    if (this.form) this.form.refresh();
    if (this.area) this.showText();
    const { version } = this.draft.saved;
    if (version !== this.version) this.strength.check();
    this.version = version;
  }

  beginning() {
    if (this.context.isObserver()) return el("section", { class: "card" }, el("h1", {}, "Write-up"), el("p", { class: "empty" }, "The responder has not started it yet."));
    const told = el("p", { class: "wrong", role: "alert" });
    const begin = el("button", { type: "button", class: "primary", onclick: async () => {
      begin.disabled = true;
      try {
        await change("report/new");
        await this.draft.load();
      } catch (error) {
        told.textContent = [error.message, error.hint].filter(Boolean).join(" — ");
        begin.disabled = false;
      }
    } }, "Start the write-up");
    const { pages, is_live: isLive } = this.context.incident;
    return el("section", { class: "card begin" }, el("h1", {}, "Write-up"),
      el("p", {}, "It is filled in with what is known: the page, deploys and actions as a timeline, the start of the impact and its numbers. Evidence that you pin anywhere in the console goes into it."),
      pages.length || !isLive ? "" : el("p", { class: "quiet" }, "There has been no page yet. Started after it, more is filled in."),
      el("p", {}, begin), told);
  }

  build() {
    const { context, draft } = this;
    this.state = el("span", { class: "saved", role: "status" });
    this.tools = el("span", { class: "bar-tools" });
    this.conflict = el("div", {});
    this.strength = new Strength(context.incident, (marks) => { this.form?.judge(marks); this.showTools(); }, context.isObserver());
    const tab = (name, isHere, query) => el("button", { type: "button", role: "tab", "aria-selected": String(isHere), onclick: () => context.go(changed(context.params, { tab: query })) }, name);
    const tabs = context.isObserver() ? "" : el("span", { class: "tabs", role: "tablist", "aria-label": "How it is written" }, tab("Form", !this.isText, ""), tab("Text", this.isText, "text"));
    this.main.replaceChildren(
      el("div", { class: "bar write-bar" }, el("h1", {}, "Write-up"), tabs, this.state, this.tools),
      el("p", { class: "quiet path" }, context.isObserver() ? "File: " : "The same file in the terminal: ", el("code", {}, context.isObserver() ? draft.path : `firedrill submit ${draft.path}`)),
      this.conflict,
      (this.write = el("div", { class: "write" }, this.isText ? this.textPart() : this.formPart(), el("aside", { "aria-label": "Check" }, this.strength.element))));
    this.showTools();
    this.strength.check();
  }

  formPart() {
    this.form = new Form(this.draft, this.context);
    this.offer();
    return this.form.element;
  }

  /** Deploys and actions that a field may name. */
  async offer() {
    if (!this.form) return;
    const { pages, actions } = this.context.incident;
    const deploys = this.deploys && this.offered === actions.length + pages.length ? this.deploys : await read("deploys", {}, { background: true }).catch(() => []);
    this.deploys = deploys;
    this.offered = actions.length + pages.length;
    this.form.offer(deploys, actions.map(({ what }) => what));
  }

  textPart() {
    const isFixed = this.context.isObserver();
    this.area = el("textarea", { class: "whole mono", spellcheck: "false", "aria-label": "The whole write-up", readonly: isFixed, oninput: () => this.draft.type(this.area.value), onblur: () => this.draft.isUnsaved() && this.draft.flush() });
    return el("section", { class: "card text-part" }, this.area);
  }

  /** Takes a text from elsewhere without losing the place in it. */
  showText() {
    const { area, draft } = this;
    if (area.value === draft.text) return;
    const [start, end, top] = [area.selectionStart, area.selectionEnd, area.scrollTop];
    const shift = (at) => (draft.text.startsWith(area.value.slice(0, at)) ? at : Math.max(0, draft.text.length - (area.value.length - at)));
    const [from, to] = [shift(start), shift(end)];
    area.value = draft.text;
    area.setSelectionRange(from, to);
    area.scrollTop = top;
  }

  showState() {
    const { is, why } = this.draft.state;
    if (this.draft.wasMerged) {
      this.draft.wasMerged = false;
      this.context.say("It was changed elsewhere as well; both changes are in the text.");
    }
    const texts = {
      saved: "✓ saved", typing: "not saved yet", saving: "saving …",
      lost: "✗ Not saved: the console does not answer. It is tried again; what you typed is kept in this browser.",
      refused: `✗ ${why || "A field is not saved: see what is said beside it."}`,
    };
    const told = this.context.isObserver() ? "read-only" : this.draft.conflict ? "✗ Not saved: changed elsewhere as well" : texts[is];
    if (this.state.textContent !== told) this.state.textContent = told;
    this.state.classList.toggle("wrong", !this.context.isObserver() && (["lost", "refused"].includes(is) || Boolean(this.draft.conflict)));
  }

  /** While two texts contradict each other, they are all there is to write in. */
  showConflict() {
    const { conflict } = this.draft;
    this.write.hidden = Boolean(conflict);
    if (!conflict) {
      this.mine = null;
      return this.conflict.replaceChildren();
    }
    if (this.mine) {
      if (this.mine.value !== this.draft.text) this.mine.value = this.draft.text;
      if (this.theirs.value !== conflict.theirs) this.theirs.value = conflict.theirs;
      return;
    }
    this.mine = el("textarea", { class: "whole mono", "aria-label": "What is written here", spellcheck: "false", oninput: () => this.draft.type(this.mine.value) });
    const theirs = this.theirs = el("textarea", { class: "whole mono", "aria-label": "What the file has", readonly: true, spellcheck: "false" });
    [this.mine.value, theirs.value] = [this.draft.text, conflict.theirs];
    const settle = async (text) => { if (await this.draft.settle(text)) this.context.say("Saved."); };
    this.conflict.replaceChildren(el("section", { class: "card conflict", role: "alert" },
      el("h2", {}, "The same lines were changed elsewhere"),
      el("p", {}, "Nothing is lost: both texts are below. Keep one of them, or copy what is missing into the left one and keep that."),
      el("div", { class: "pair" },
        el("div", {}, el("h3", {}, "Written here, not saved"), this.mine, el("button", { type: "button", class: "primary", onclick: () => settle(this.mine.value) }, "Keep this one")),
        el("div", {}, el("h3", {}, "In the file"), theirs, el("button", { type: "button", onclick: () => settle(theirs.value) }, "Keep that one")))));
    // Both begin where they differ.
    const line = conflict.theirs.split("\n").findIndex((one, index) => one !== this.draft.text.split("\n")[index]);
    for (const area of [this.mine, theirs]) area.scrollTop = Math.max(0, line - 4) * (area.scrollHeight / area.value.split("\n").length);
  }

  showTools() {
    const { incident, go } = this.context;
    if (!this.tools) return;
    const isGraded = incident.passed !== null;
    const seen = isGraded ? [el("a", { href: "/verdict" }, incident.passed ? "passed: see the verdict" : "not passed: see the verdict")] : [];
    if (this.context.isObserver()) return this.tools.replaceChildren(...seen);
    const checked = this.strength.checked;
    const submit = (isAmended) => askToSubmit({
      incident, go, isAmended,
      save: () => this.draft.flush(),
      open: (checked?.requirements ?? []).filter(({ met, unchecked }) => !met && !unchecked),
      missing: checked?.missing ?? [],
    });
    if (incident.is_live && !isGraded) seen.push(el("button", { type: "button", class: "primary", onclick: () => submit(false) }, "Submit"));
    else if (isGraded && !incident.can_amend) seen.push(el("span", { class: "quiet" }, "It can no longer be amended."));
    else if (isGraded) seen.push(el("button", { type: "button", title: "Once, before the debrief", onclick: () => submit(true) }, "Amend"));
    else seen.push(el("span", { class: "quiet" }, "The run ended without a verdict."));
    this.tools.replaceChildren(...seen);
  }
}
