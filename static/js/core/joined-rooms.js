// Joining and leaving rooms over one connection: a page that is left leaves its room, and a return joins it only after that. The
// server handles events concurrently, and may finish a later one first.
import { connection } from '#js/core/session.js';

const leaving = new Map();

// Leaves a room, unless the next page is of the same room and stays joined.
export function leaveRoom(room, next) {
  if (next?.dataset?.room === room || next?.querySelector(`#members[data-of="${CSS.escape(room)}"]`)) return;
  // Without a connection no room is joined.
  if (!connection.isUp) return;
  const left = connection.ask('leave', { room }).finally(() => { if (leaving.get(room) === left) leaving.delete(room); });
  leaving.set(room, left);
}

// Resolves when no leave of the room is in flight.
export const leaveSettled = async (room) => { await leaving.get(room); };
