// The scroll positions of pages that were left, by history entry and, for rooms, by name. Stored in this tab only.
// `first.js` reads them before the first paint.

const KEY = 'places';
// How many are kept.
const MOST = 60;

function all() {
  try { return JSON.parse(sessionStorage.getItem(KEY)) ?? {}; } catch { return {}; }
}

export const find = (name) => all()[name];

// Stores a position; an empty one, or the top of the page, removes it.
export function keep(name, place) {
  const { [name]: _, ...others } = all();
  const places = Object.entries(place ? { ...others, [name]: place } : others).slice(-MOST);
  try { sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(places))); } catch { /* Then one begins where every visit does. */ }
}

export function forget() {
  try { sessionStorage.removeItem(KEY); } catch { /* Nothing is kept here. */ }
}
