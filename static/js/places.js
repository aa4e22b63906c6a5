// Where one was on the pages that one has left, for coming back to them: by the entry of the history, and for rooms by their name. Kept
// in this tab only. `first.js` reads the same before the first paint.

const KEY = 'places';
// How many are kept.
const MOST = 60;

function all() {
  try { return JSON.parse(sessionStorage.getItem(KEY)) ?? {}; } catch { return {}; }
}

export const find = (name) => all()[name];

// Keeps where one was; nothing, or the very beginning, takes it away.
export function keep(name, place) {
  const { [name]: _, ...others } = all();
  const places = Object.entries(place ? { ...others, [name]: place } : others).slice(-MOST);
  try { sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(places))); } catch { /* Then one begins where every visit does. */ }
}

export function forget() {
  try { sessionStorage.removeItem(KEY); } catch { /* Nothing is kept here. */ }
}
