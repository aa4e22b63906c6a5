// Whether the person wants no notifications of this page now: quiet hours and "do not disturb", which the server knows, or because they want
// some only while no page is open.
import { fetchJson } from '#js/core/fetch-json.js';

// How long the answer is believed, in milliseconds.
const FRESH = 60_000;
let isQuietNow = false;
let askedAt = -Infinity;

export async function isQuiet() {
  if (performance.now() - askedAt > FRESH) {
    askedAt = performance.now();
    const settings = await fetchJson('/settings/notifications');
    if (settings) isQuietNow = settings.quiet || settings.notifications.away_only;
  }
  return isQuietNow;
}
