// Stands in the page itself, at its end, and runs before the page is painted for the first time. It must stay small, and is no module.
(() => {
  // How this browser writes times, for pages to be written that way. `web/times.rs` reads it, and `js/time.js` does the same.
  const { timeZone, hour12 } = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions();
  const times = `times=${timeZone}.${hour12 ? 12 : 24}`;
  if (!document.cookie.split('; ').includes(times)) document.cookie = `${times}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;

  // Where one was on a page that one has left; `js/places.js` keeps it.
  const placeOf = (name) => {
    try { return (JSON.parse(sessionStorage.getItem('places')) ?? {})[name]; } catch { return undefined; }
  };

  // Opens a room's log where the reader wants to be: where they were, the message that the address names, what is new, or the end.
  globalThis.openLog = (main) => {
    const was = placeOf(history.state?.entry);
    const log = main.querySelector('#log');
    const offset = (node) => node.getBoundingClientRect().top - log.getBoundingClientRect().top;
    const put = ([seq, at]) => {
      const node = main.querySelector(`#m${seq}`);
      if (node) log.scrollTop += offset(node) - at;
      return !!node;
    };
    log.scrollTop = log.scrollHeight;
    if (Array.isArray(was) && put(was)) return;
    const target = main.querySelector('.message--target, .notice--target') ?? (/^#m\d+$/.test(location.hash) && main.querySelector(location.hash));
    if (target && was !== 'end') return target.scrollIntoView({ block: 'center' });
    const line = main.querySelector('.fresh');
    if (line && offset(line) < 0) return line.scrollIntoView({ block: 'start' });
    const left = placeOf(`room:${main.dataset.room}`);
    if (left && !line && !was && main.dataset.latest === 'true' && location.pathname.split('/').length === 3) put(left);
  };

  // Which column is wanted beside a page (`js/column.js`). Its width is there before the page is painted, so that nothing moves when it comes.
  globalThis.columnOf = (main) => {
    let column = '';
    if (main?.matches('.room')) {
      const thread = placeOf(`thread:${main.dataset.room}`);
      try { column = thread ? `thread/${thread}` : localStorage.getItem('column') ?? ''; } catch { /* Nothing is kept here. */ }
    }
    document.querySelector('.app')?.toggleAttribute('data-column', !!column);
    return column;
  };
  const main = document.querySelector('main');
  columnOf(main);
  const was = placeOf(history.state?.entry);
  if (main?.matches('.room')) openLog(main);
  else if (typeof was === 'number') main.scrollTop = was;
})();
