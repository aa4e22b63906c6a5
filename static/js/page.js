// The page that is open: what stands in <main>. Whatever has to do with each page says so once, and is told of every page that comes
// there, with a signal that ends with it (`visit.js` brings the pages). It knows nothing of what pages hold.

const starters = [];
let main = null;
let ending = null;

// Calls `start(main, signal)` for the page that is open, and for each that comes after it. Listeners on anything outside of <main>, timers
// and requests end with the signal; what is inside of <main> goes with it.
export function onPage(start) {
  starters.push(start);
  if (main) start(main, ending.signal);
}

// Another page has come; the one before it ends, and its signal's reason is the <main> that follows. `put` brings it into the document, between the two.
export function open(next, put = () => {}) {
  ending?.abort(next);
  ending = new AbortController();
  main = next;
  put();
  for (const start of starters) start(main, ending.signal);
}

// Where the reader is in it, as `places.js` keeps it; a page with a log of its own says it otherwise.
const scrolled = (main) => (main ? main.scrollTop : 0);
let where = scrolled;
export function isDescribedBy(describe, signal) {
  where = describe;
  signal.addEventListener('abort', () => { where = scrolled; });
}
export const placeNow = () => where(main);
