// Stores unsent posts in this browser, per person and room, until the server has acknowledged them. All windows see the same; if the
// browser stores nothing, they last as long as the window.
import { get, keys, set } from '#js/core/user-storage.js';

const memory = new Map();

export const keyOf = (me, room) => `outbox:${me.id}:${room}`;

export const read = (key) => get(key) ?? memory.get(key) ?? [];

export function write(key, posts) {
  memory.delete(key);
  if (!set(key, posts.length ? posts : undefined) && posts.length) memory.set(key, posts);
}

// The rooms with unsent posts of a person.
export function rooms(me) {
  const prefix = keyOf(me, '');
  return [...new Set([...memory.keys(), ...keys()])].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

// The number of unsent posts.
export function unsent(me) {
  return rooms(me).reduce((sum, room) => sum + read(keyOf(me, room)).length, 0);
}

// Only one window at a time runs this for a key: posts are sent in the order they were written.
export function alone(key, work) {
  return navigator.locks ? navigator.locks.request(key, work) : work();
}
