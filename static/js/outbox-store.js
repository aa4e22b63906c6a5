// Where unsent posts lie: in this browser, for each person and room, until the server has said that it has them. All windows see
// the same; a browser that keeps nothing has them as long as the window is open.
import { get, keys, set } from '#js/own.js';

const memory = new Map();

export const keyOf = (me, room) => `outbox:${me.id}:${room}`;

export const read = (key) => get(key) ?? memory.get(key) ?? [];

export function write(key, posts) {
  memory.delete(key);
  if (!set(key, posts.length ? posts : undefined) && posts.length) memory.set(key, posts);
}

// The rooms in which something of this person's waits.
export function rooms(me) {
  const prefix = keyOf(me, '');
  return [...new Set([...memory.keys(), ...keys()])].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

// How many posts wait.
export function unsent(me) {
  return rooms(me).reduce((sum, room) => sum + read(keyOf(me, room)).length, 0);
}

// Only one window at a time does this for a key: posts go out in the order in which they were written.
export function alone(key, work) {
  return navigator.locks ? navigator.locks.request(key, work) : work();
}
