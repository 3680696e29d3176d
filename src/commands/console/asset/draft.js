// The draft as it is written on this page: saved at every pause, merged with what is changed elsewhere, and never lost.

import { merged } from "./merge.js";
import { change, read } from "./client.js";

const PAUSE = 800;
const RETRY = 2000;

/** One per run, whichever part of the page is open: what was typed outlives a look at another part. */
const drafts = new Map();

export function draftOf(run) {
  if (!drafts.has(run)) drafts.set(run, new Draft(run));
  return drafts.get(run);
}

class Draft {
  constructor(run) {
    this.key = `firedrill.draft.${run}`;
    this.path = "";
    /** As the page has it; null before one is begun. */
    this.text = null;
    /** As the file has it, with its version. */
    this.saved = { text: null, version: "" };
    /** Fields that were typed and are not in the text yet. */
    this.fields = new Map();
    /** What is wrong with fields that were typed. */
    this.refused = new Map();
    /** What the file has, while that and the text contradict each other. */
    this.conflict = null;
    /** Whether a change from elsewhere was taken into what is written here; whoever tells it takes it back. */
    this.wasMerged = false;
    /** `{is: "saved" | "saving" | "typing" | "lost" | "refused", why}`. */
    this.state = { is: "saved", why: "" };
    this.listener = null;
    this.work = null;
    this.timer = 0;
    this.isReadOnly = false;
  }

  tell(state, why = "") {
    if (state) this.state = { is: state, why };
    this.keep();
    this.listener?.();
  }

  isUnsaved() {
    return this.text !== this.saved.text || this.fields.size > 0;
  }

  /** What is not saved outlives the window. */
  keep() {
    try {
      const fields = [...this.fields, ...[...this.refused].map(([field, { value }]) => [field, value])];
      if (!this.isUnsaved() && !fields.length) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, JSON.stringify({ base: this.saved.text, text: this.text, fields }));
    } catch {
      // Without storage, the window has it.
    }
  }

  /** Reads the file for the first time, and what an earlier window could not save. */
  async open() {
    await this.load();
    let left = null;
    try {
      left = JSON.parse(localStorage.getItem(this.key));
    } catch {
      // Nothing was left.
    }
    if (!left || this.isReadOnly || this.text === null || this.isUnsaved()) return this.tell();
    this.meet(left.base ?? "", left.text ?? this.saved.text, this.saved);
    for (const [field, value] of left.fields ?? []) this.fields.set(field, value);
    if (this.isUnsaved()) this.later();
    this.tell();
  }

  /** Reads the file again; whether it is another. */
  async load() {
    const { path, text, version } = await read("draft", {}, { background: true });
    this.path = path;
    if (version === this.saved.version) return false;
    const base = this.saved.text;
    const isFirst = this.saved.version === "";
    if (isFirst || this.text === base || this.isReadOnly) {
      this.saved = { text, version };
      this.text = text;
    } else this.meet(base ?? "", this.text ?? "", { text, version });
    this.tryAgain();
    this.tell();
    return true;
  }

  /** Brings what was typed here together with what the file has. */
  meet(base, mine, theirs) {
    // Once they contradict each other, only the writer knows.
    const both = theirs.text === null ? mine : this.conflict ? null : merged(base, mine, theirs.text);
    this.saved = theirs;
    if (both === null) {
      this.text = mine;
      this.conflict = { theirs: theirs.text };
    } else this.text = both;
  }

  /** The whole text was changed here. */
  type(text) {
    this.text = text;
    if (!this.conflict) this.later();
    this.tell("typing");
  }

  /** A field was changed here. */
  set(field, value) {
    this.fields.set(field, value);
    this.refused.delete(field);
    this.later();
    this.tell("typing");
  }

  /** Ends a conflict with this text. */
  settle(text) {
    this.conflict = null;
    this.text = text;
    return this.flush();
  }

  later(pause = PAUSE) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), pause);
  }

  /** Saves what is not saved; true if then all is. */
  async flush() {
    clearTimeout(this.timer);
    if (this.work) await this.work;
    if (this.isReadOnly || this.conflict || !this.isUnsaved()) return !this.conflict && !this.isUnsaved() && !this.refused.size;
    this.work = this.save().finally(() => { this.work = null; });
    await this.work;
    return !this.conflict && !this.isUnsaved() && !this.refused.size;
  }

  async save() {
    this.tell("saving");
    try {
      if (this.text !== this.saved.text) await this.put();
      if (this.fields.size && !this.conflict) await this.putFields();
      if (this.conflict) return this.tell("typing");
      if (this.isUnsaved()) this.later();
      this.tell(this.refused.size ? "refused" : this.isUnsaved() ? "typing" : "saved");
    } catch (error) {
      // An answer of the console is final; without one, or with an outage of its own, it is tried again.
      const isFinal = error.status >= 400 && error.status < 500;
      if (!isFinal) this.later(RETRY);
      this.tell(isFinal ? "refused" : "lost", this.said(error));
    }
  }

  async put() {
    for (let tries = 0; tries < 4 && this.text !== this.saved.text && !this.conflict; tries += 1) {
      const [text, base] = [this.text, this.saved];
      try {
        const { version } = await change("draft", { text, version: base.version }, "PUT");
        this.saved = { text, version };
        this.tryAgain();
      } catch (error) {
        if (error.status !== 409) throw error;
        const theirs = await read("draft", {}, { background: true });
        this.meet(base.text ?? "", this.text, { text: theirs.text, version: theirs.version });
        this.wasMerged = !this.conflict;
      }
    }
  }

  async putFields() {
    const fields = [...this.fields];
    try {
      await change("report/set", { fields: fields.map((one) => one.join("=")) });
      // Read first: until then, what was typed is nowhere else.
      await this.load();
      this.done(fields);
    } catch (error) {
      if (!(error.status >= 400 && error.status < 500)) throw error;
      if (fields.length === 1) this.refuse(fields[0], error);
      else for (const one of fields) await this.putField(one);
    }
  }

  /** One of several, to learn which of them is refused. */
  async putField(one) {
    try {
      await change("report/set", { fields: [one.join("=")] });
      await this.load();
      this.done([one]);
    } catch (error) {
      if (!(error.status >= 400 && error.status < 500)) throw error;
      this.refuse(one, error);
    }
  }

  done(fields) {
    for (const [field, value] of fields) if (this.fields.get(field) === value) this.fields.delete(field);
  }

  refuse([field, value], error) {
    this.done([[field, value]]);
    this.refused.set(field, { value, why: this.said(error), isOfText: /front matter/.test(error.hint ?? "") });
  }

  /** What was refused because the text could not be read may be taken now that it is another. */
  tryAgain() {
    for (const [field, { value, isOfText }] of this.refused) {
      if (!isOfText) continue;
      this.refused.delete(field);
      if (!this.fields.has(field)) this.fields.set(field, value);
      this.later();
    }
  }

  /** What went wrong, with the line in place of the file. */
  said({ message, hint }) {
    return [message, hint].filter(Boolean).join(" — ").replaceAll(`${this.path}:`, "line ");
  }
}
