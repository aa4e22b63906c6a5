// Whether the person wants no notifications now: quiet hours and "do not disturb", which the server knows.
import { fetchJson } from '#js/core/fetch-json.js';

// How long the answer is believed, in milliseconds.
const FRESH = 60_000;
let isQuietNow = false;
let askedAt = -Infinity;

export async function isQuiet() {
  if (performance.now() - askedAt > FRESH) {
    askedAt = performance.now();
    isQuietNow = (await fetchJson('/settings/notifications'))?.quiet ?? isQuietNow;
  }
  return isQuietNow;
}
