// What somebody has begun to write, kept in this browser for each person and room until it is sent or they are gone: a new message, and
// other words for one that they edit. All windows of a room have the same.
import { get, keys, set } from '#js/own.js';

// How many there are.
export function drafts(me) {
  const has = (draft) => !!(draft?.body?.trim() || draft?.edit);
  return keys().filter((key) => key.startsWith(`draft:${me.id}:`) && has(get(key))).length;
}

export class Drafts {
  #key;

  constructor(me, room) { this.#key = `draft:${me.id}:${room}`; }

  // { body, answer, edit } or nothing; `edit` is { seq, before, body }.
  read() { return get(this.#key) ?? {}; }

  // A browser that keeps nothing, or is full, has the words in the field still.
  write(body, answer) { this.#set({ ...this.read(), body: body || undefined, answer: answer ?? undefined }); }

  edit(edit) { this.#set({ ...this.read(), edit: edit ?? undefined }); }

  // Hears of what another window writes, as long as the signal says.
  hear(heard, signal) {
    addEventListener('storage', ({ key }) => { if (key === this.#key || key === null) heard(this.read()); }, { signal });
  }

  #set(draft) { set(this.#key, draft.body || draft.answer || draft.edit ? draft : undefined); }
}
