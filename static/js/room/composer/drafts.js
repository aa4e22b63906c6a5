// Drafts: new messages and unsaved edits. This browser stores them at once, shared by all windows of a room; the server stores them a moment
// later, so that drafts follow their person and survive a log-out.
//
// A draft is { body, answer, edit } where `edit` is { seq, before, body }. `isUnsaved` means that the server does not have its present state,
// `isStored` that the server has a draft, which sending a message deletes.
import { announce } from '#js/core/announce.js';
import { icon, createElement } from '#js/core/dom.js';
import { get, keys, set } from '#js/core/user-storage.js';

// How long after the last key a draft is stored, and how often during typing, in milliseconds.
const PAUSE = 3_000;
const LONGEST = 20_000;
// How long a log-out waits for it.
const PATIENCE = 4_000;
// Errors that a retry does not solve.
const FINAL = new Set(['too_long', 'invalid', 'forbidden', 'not_found']);

const changes = new EventTarget();
let sync = null;

const prefix = (me) => `draft:${me.id}:`;
const hasText = (draft) => !!(draft?.body?.trim() || draft?.edit);
const isEmpty = ({ body, answer, edit }) => !(body || answer || edit);
const content = ({ body = '', answer, edit } = {}) => JSON.stringify([body, answer?.seq, edit?.seq, edit?.body]);

export class Drafts {
  #key; #room;

  constructor(me, room) {
    this.#room = room;
    this.#key = prefix(me) + room;
  }

  // { body, answer, edit } or nothing.
  read() { return get(this.#key) ?? {}; }

  // The draft in a page, as the server had it. After the first contact this browser knows better, and its own draft is newer.
  offer({ body, answer }) {
    if (!sync?.hasMet && !get(this.#key)) set(this.#key, { body: body || undefined, answer, isStored: true });
  }

  // If the browser stores nothing or is full, the text is still in the field.
  write(body, answer) { this.#set({ ...this.read(), body: body || undefined, answer: answer ?? undefined }); }

  edit(edit) { this.#set({ ...this.read(), edit: edit ?? undefined }); }

  // Reports drafts written in other windows and browsers, until the signal.
  hear(heard, signal) {
    addEventListener('storage', ({ key }) => { if (key === this.#key || key === null) heard(this.read()); }, { signal });
    changes.addEventListener(this.#room, () => heard(this.read()), { signal });
  }

  #set(draft) {
    const before = this.read();
    if (content(before) === content(draft)) return;
    const isOver = isEmpty(draft);
    set(this.#key, isOver && !before.isStored ? undefined : { ...draft, isUnsaved: true });
    sync?.changed(this.#room, isOver);
  }
}

// Synchronizes the drafts of this browser and the server.
export class DraftSync {
  #me; #connection;
  #timers = new Map(); #since = new Map();
  hasMet = false;

  constructor(me, connection) {
    this.#me = me;
    this.#connection = connection;
    sync = this;
    connection.addEventListener('up', () => this.#meet());
    connection.on('draft', (draft) => this.#take(draft));
    connection.on('removed', ({ room }) => { clearTimeout(this.#timers.get(room)); this.#put(room, undefined); });
    addEventListener('storage', ({ key }) => { if (!key || key.startsWith(prefix(me))) this.#mark(); });
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.#flushChanged(); });
    // The socket may be unable to send it by now.
    addEventListener('pagehide', () => { for (const room of this.#timers.keys()) this.#post(room, { keepalive: true }).catch(() => {}); });
    this.#mark();
  }

  // A draft changed in this window.
  changed(room, isOver) {
    clearTimeout(this.#timers.get(room));
    const since = this.#since.get(room) ?? Date.now();
    this.#since.set(room, since);
    this.#timers.set(room, setTimeout(() => this.#flush(room), isOver ? 0 : Math.max(0, Math.min(PAUSE, since + LONGEST - Date.now()))));
    this.#mark();
  }

  // Stores what the server does not have, and returns how many drafts it still does not have.
  async flushAll() {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([late, Promise.all(this.#rooms().map((room) => this.#flush(room)))]);
    return this.#rooms().filter((room) => this.#read(room)?.isUnsaved && hasText(this.#read(room))).length;
  }

  #rooms() { return keys().filter((key) => key.startsWith(prefix(this.#me))).map((key) => key.slice(prefix(this.#me).length)); }

  #read(room) { return get(prefix(this.#me) + room); }

  #put(room, draft) {
    set(prefix(this.#me) + room, draft);
    changes.dispatchEvent(new Event(room));
    this.#mark();
  }

  #flushChanged() { for (const room of this.#timers.keys()) this.#flush(room); }

  async #flush(room) {
    clearTimeout(this.#timers.get(room));
    const draft = this.#read(room);
    if (!draft?.isUnsaved) return this.#done(room);
    const answer = this.#connection.isUp ? await this.#connection.ask('draft', { room, ...fields(draft) }) : await this.#post(room).catch(() => ({ ok: false }));
    if (!answer.ok) {
      // Announced once per text; a refused draft stays in this browser.
      if (FINAL.has(answer.error?.code)) { this.#done(room); if (isEmpty(draft)) set(prefix(this.#me) + room, undefined); }
      // Rate limits and an unavailable database are temporary.
      else if (this.#connection.isUp) { this.#since.delete(room); this.changed(room, false); }
      if (answer.error?.code === 'invalid') announce(`Your draft is only in this browser. ${answer.error.message}`, { isShown: true });
      return;
    }
    // Sent meanwhile: the draft just stored is deleted.
    const now = this.#read(room) ?? {};
    const isSame = content(now) === content(draft);
    if (isSame && isEmpty(now)) set(prefix(this.#me) + room, undefined);
    else set(prefix(this.#me) + room, { ...now, isStored: !isEmpty(draft), isUnsaved: !isSame || undefined });
    if (isSame) this.#done(room);
    else { this.#since.delete(room); this.changed(room, isEmpty(now)); }
  }

  #done(room) {
    this.#timers.delete(room);
    this.#since.delete(room);
  }

  async #post(room, more = {}) {
    const draft = this.#read(room);
    if (!draft?.isUnsaved) return { ok: true };
    const body = new URLSearchParams(Object.entries(fields(draft)).filter(([, value]) => value != null).map(([name, value]) => [name, String(value)]));
    return fetch(`/rooms/${room}/draft`, { method: 'POST', body, headers: { accept: 'application/json' }, ...more });
  }

  // Connected: compares the server's drafts with this browser's.
  async #meet() {
    const answer = await this.#connection.ask('drafts');
    if (!answer.ok) return;
    this.hasMet = true;
    for (const draft of answer.drafts) this.#take(draft);
    const stored = new Set(answer.drafts.map(({ room }) => room));
    for (const room of this.#rooms()) {
      const draft = this.#read(room);
      if (draft.isUnsaved) this.#flush(room);
      // Sent or emptied elsewhere while this browser was offline.
      else if (draft.isStored && !stored.has(room)) this.#put(room, undefined);
      else if (!draft.isStored && !isEmpty(draft)) { set(prefix(this.#me) + room, { ...draft, isUnsaved: true }); this.#flush(room); }
    }
    this.#mark();
  }

  // A draft stored by another window. Text that this window has not stored yet is newer.
  #take({ room, body = '', reply_to: seq, edit }) {
    const old = this.#read(room) ?? {};
    if (old.isUnsaved) return;
    const answer = seq ? (old.answer?.seq === seq ? old.answer : { seq }) : undefined;
    const before = old.edit?.seq === edit?.seq ? old.edit?.before : undefined;
    const draft = { body: body || undefined, answer, edit: edit && { ...edit, before }, isStored: true };
    if (isEmpty(draft)) { if (!isEmpty(old)) this.#put(room, undefined); } else if (content(old) !== content(draft)) this.#put(room, draft);
    else set(prefix(this.#me) + room, { ...old, isStored: true });
  }

  // A pencil on rooms with drafts, in the sidebar.
  #mark() {
    const begun = new Set(this.#rooms().filter((room) => hasText(this.#read(room))));
    for (const entry of document.querySelectorAll('.sidebar a[data-room]')) {
      const sign = entry.querySelector('.draft');
      if (!begun.has(entry.dataset.room)) sign?.remove();
      else if (!sign) {
        const pencil = createElement('span', 'draft');
        Object.assign(pencil, { role: 'img', ariaLabel: 'Draft', title: 'Draft' });
        pencil.append(icon('edit'));
        entry.querySelector('.name')?.after(pencil);
      }
    }
  }
}

function fields({ body = '', answer, edit }) {
  return { body, reply_to: answer?.seq, edit_seq: edit?.seq, edit_body: edit?.body };
}
