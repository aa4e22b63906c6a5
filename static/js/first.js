// Inlined at the end of the page, runs before the first paint. It must stay small, and is not a module.
(() => {
  // How this browser formats times, for pages to use the same format. `web/times.rs` reads it, and `js/core/time.js` does the same.
  const { timeZone, hour12 } = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions();
  const times = `times=${timeZone}.${hour12 ? 12 : 24}`;
  if (!document.cookie.split('; ').includes(times)) document.cookie = `${times}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;

  // The scroll position on a page that was left; `js/core/scroll-history.js` stores it.
  const placeOf = (name) => {
    try { return (JSON.parse(sessionStorage.getItem('places')) ?? {})[name]; } catch { return undefined; }
  };

  // Scrolls a room's log to where the reader was, to the message in the address, to the first unread message, or to the end.
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

  // Which column is wanted beside a page (`js/room/column.js`). Its width is reserved before the first paint, so that nothing moves later.
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
