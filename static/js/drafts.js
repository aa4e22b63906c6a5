// What somebody has begun to write: a new message, and other words for one that they edit. This browser has it at once, in all windows of a
// room alike; the server has it a moment later, so that it follows its person and outlives a log-out.
//
// A draft is { body, answer, edit } where `edit` is { seq, before, body }. `isUnsaved` says that the server has not got it as it is,
// `isStored` that the server has one: whoever sends a message takes that away, and only then.
import { announce } from '#js/announce.js';
import { icon, make } from '#js/make.js';
import { get, keys, set } from '#js/own.js';

// How long after the last key it is stored, and how often while somebody goes on typing, in milliseconds.
const PAUSE = 3_000;
const LONGEST = 20_000;
// How long somebody who logs out waits for it.
const PATIENCE = 4_000;
// What trying again does not mend.
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

  // What a page came with, as the server had it then. Once this browser has met the server, it knows better; what it has itself is newer.
  offer({ body, answer }) {
    if (!sync?.hasMet && !get(this.#key)) set(this.#key, { body: body || undefined, answer, isStored: true });
  }

  // A browser that keeps nothing, or is full, has the words in the field still.
  write(body, answer) { this.#set({ ...this.read(), body: body || undefined, answer: answer ?? undefined }); }

  edit(edit) { this.#set({ ...this.read(), edit: edit ?? undefined }); }

  // Hears of what another window writes, here or in another browser, as long as the signal says.
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

// Keeps the server's drafts and this browser's alike.
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
    // The socket may not say it any more.
    addEventListener('pagehide', () => { for (const room of this.#timers.keys()) this.#post(room, { keepalive: true }).catch(() => {}); });
    this.#mark();
  }

  // A draft changed here.
  changed(room, isOver) {
    clearTimeout(this.#timers.get(room));
    const since = this.#since.get(room) ?? Date.now();
    this.#since.set(room, since);
    this.#timers.set(room, setTimeout(() => this.#flush(room), isOver ? 0 : Math.max(0, Math.min(PAUSE, since + LONGEST - Date.now()))));
    this.#mark();
  }

  // Stores what the server has not got; how many drafts it still has not.
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
      // Told once for each text; what is refused stays in this browser.
      if (FINAL.has(answer.error?.code)) { this.#done(room); if (isEmpty(draft)) set(prefix(this.#me) + room, undefined); }
      // Too much at once, or the database is away: that passes.
      else if (this.#connection.isUp) { this.#since.delete(room); this.changed(room, false); }
      if (answer.error?.code === 'invalid') announce(`Your draft is only in this browser. ${answer.error.message}`, { isShown: true });
      return;
    }
    // Sent meanwhile: then what was just stored has to go.
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

  // The connection is there: what the server has, and what only this browser has.
  async #meet() {
    const answer = await this.#connection.ask('drafts');
    if (!answer.ok) return;
    this.hasMet = true;
    for (const draft of answer.drafts) this.#take(draft);
    const stored = new Set(answer.drafts.map(({ room }) => room));
    for (const room of this.#rooms()) {
      const draft = this.#read(room);
      if (draft.isUnsaved) this.#flush(room);
      // Sent or emptied elsewhere, while this browser was away.
      else if (draft.isStored && !stored.has(room)) this.#put(room, undefined);
      else if (!draft.isStored && !isEmpty(draft)) { set(prefix(this.#me) + room, { ...draft, isUnsaved: true }); this.#flush(room); }
    }
    this.#mark();
  }

  // What another window stored. Words that this one has not stored yet are newer.
  #take({ room, body = '', reply_to: seq, edit }) {
    const old = this.#read(room) ?? {};
    if (old.isUnsaved) return;
    const answer = seq ? (old.answer?.seq === seq ? old.answer : { seq }) : undefined;
    const before = old.edit?.seq === edit?.seq ? old.edit?.before : undefined;
    const draft = { body: body || undefined, answer, edit: edit && { ...edit, before }, isStored: true };
    if (isEmpty(draft)) { if (!isEmpty(old)) this.#put(room, undefined); } else if (content(old) !== content(draft)) this.#put(room, draft);
    else set(prefix(this.#me) + room, { ...old, isStored: true });
  }

  // A pencil on the rooms in the sidebar in which something is begun.
  #mark() {
    const begun = new Set(this.#rooms().filter((room) => hasText(this.#read(room))));
    for (const entry of document.querySelectorAll('.sidebar a[data-room]')) {
      const sign = entry.querySelector('.draft');
      if (!begun.has(entry.dataset.room)) sign?.remove();
      else if (!sign) {
        const pencil = make('span', 'draft');
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
