// What somebody has begun to write, kept in this browser for each person and room until it is sent or they are gone.
import { get, keys, set } from '#js/own.js';

// How many there are.
export function drafts(me) {
  return keys().filter((key) => key.startsWith(`draft:${me.id}:`) && get(key)?.body?.trim()).length;
}

export class Drafts {
  #key;

  constructor(me, room) { this.#key = `draft:${me.id}:${room}`; }

  // { body, answer } or nothing.
  read() { return get(this.#key) ?? {}; }

  // A browser that keeps nothing, or is full, has the words in the field still.
  write(body, answer) { set(this.#key, body || answer ? { body, answer } : undefined); }
}
