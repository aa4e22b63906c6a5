// Being live in rooms over one connection: a page that is left leaves its room, and whoever comes back to it joins it after that. The
// server takes events as they come, and may be done with a later one first.
import { connection } from '#js/shell.js';

const leaving = new Map();

// Leaves a room, unless the page that follows is of the same room and goes on listening there.
export function leave(room, next) {
  if (next?.dataset?.room === room || next?.querySelector(`#members[data-of="${CSS.escape(room)}"]`)) return;
  // A connection that is away is live nowhere.
  if (!connection.isUp) return;
  const left = connection.ask('leave', { room }).finally(() => { if (leaving.get(room) === left) leaving.delete(room); });
  leaving.set(room, left);
}

// Resolves as soon as no leaving of the room is on its way.
export const settled = async (room) => { await leaving.get(room); };
