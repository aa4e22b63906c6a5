// Where unsent posts lie: in this browser, for each person and room, until the server has said that it has them. All windows see
// the same; a browser that keeps nothing has them as long as the window is open.

const PREFIX = 'outbox:';
// What else of a person this browser keeps.
const OWN = [PREFIX, 'draft:', 'recent:'];
const memory = new Map();

export const keyOf = (me, room) => `${PREFIX}${me.id}:${room}`;

export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? [];
  } catch {
    return memory.get(key) ?? [];
  }
}

export function write(key, posts) {
  memory.delete(key);
  try {
    if (posts.length) localStorage.setItem(key, JSON.stringify(posts));
    else localStorage.removeItem(key);
  } catch {
    if (posts.length) memory.set(key, posts);
  }
}

// The rooms in which something of this person's waits.
export function rooms(me) {
  const prefix = keyOf(me, '');
  const keys = new Set(memory.keys());
  try { for (const key of Object.keys(localStorage)) keys.add(key); } catch { /* Nothing is kept here. */ }
  return [...keys].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

// How many posts wait.
export function unsent(me) {
  return rooms(me).reduce((sum, room) => sum + read(keyOf(me, room)).length, 0);
}

// Whatever of this person lies here, the unsent posts with it.
export function forget(me) {
  memory.clear();
  try {
    for (const key of Object.keys(localStorage)) if (OWN.some((prefix) => key.startsWith(`${prefix}${me.id}:`))) localStorage.removeItem(key);
  } catch {
    // Nothing is kept here.
  }
}

// Only one window at a time does this for a key: posts go out in the order in which they were written.
export function alone(key, work) {
  return navigator.locks ? navigator.locks.request(key, work) : work();
}
