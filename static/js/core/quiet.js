// Whether the person wants no notifications now: quiet hours and "do not disturb", as the settings on the server say.
import { fetchJson } from '#js/core/fetch-json.js';

// How long the settings are believed, in milliseconds.
const FRESH = 60_000;
let known = null;
let askedAt = -Infinity;

export async function isQuiet(now = new Date()) {
  if (performance.now() - askedAt > FRESH) {
    askedAt = performance.now();
    known = (await fetchJson('/settings/notifications'))?.notifications ?? known;
  }
  if (!known) return false;
  if (known.silent_until && now < new Date(known.silent_until)) return true;
  const { quiet_from: from, quiet_until: until } = known;
  if (from === null || until === null) return false;
  const minute = now.getHours() * 60 + now.getMinutes();
  return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}
