// The open page: the content of <main>. Modules register once, and are called for every page with a signal that is aborted when the page
// is left (`core/visit.js` loads pages). It knows nothing of what pages contain.

const starters = [];
let main = null;
let ending = null;

// Calls `start(main, signal)` for the open page and every later one. Listeners outside of <main>, timers and requests must end with the
// signal; everything inside of <main> is removed with it.
export function onPage(start) {
  starters.push(start);
  if (main) start(main, ending.signal);
}

// Replaces the open page: aborts the old signal with the next <main> as its reason. `put` inserts that <main> into the document in between.
export function open(next, put = () => {}) {
  ending?.abort(next);
  ending = new AbortController();
  main = next;
  put();
  for (const start of starters) start(main, ending.signal);
}

// The scroll position as `core/scroll-history.js` stores it; a page with a log reports its own.
const scrolled = (main) => (main ? main.scrollTop : 0);
let where = scrolled;
export function isDescribedBy(describe, signal) {
  where = describe;
  signal.addEventListener('abort', () => { where = scrolled; });
}
export const placeNow = () => where(main);
