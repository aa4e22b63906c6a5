'use strict';
// Searches the messages of an export. A page on a disk may read nothing, so that the texts come as scripts: contents.js says how many there
// are, and each of them calls parlorPiece with its messages. The latest are looked into first, until there is enough to show.
{
  const ENOUGH = 50;
  const AROUND = 80;
  const form = document.querySelector('.search');
  const state = document.querySelector('.state');
  const results = document.querySelector('.results');
  const more = document.querySelector('#more');
  let contents = { rooms: [], pieces: [] };
  let order = [];
  let piece = [];
  // Counts searches: one that another has overtaken ends.
  let current = 0;

  window.parlorContents = (given) => {
    contents = given;
    order = contents.pieces.map((times, at) => ({ number: at + 1, last: times[1] })).sort((a, b) => b.last - a.last);
    const asked = new URLSearchParams(location.search);
    form.elements.q.value = asked.get('q') ?? '';
    form.elements.room.value = asked.get('room') ?? '';
    if (form.elements.room.selectedIndex < 0) form.elements.room.value = '';
    search();
  };
  window.parlorPiece = (messages) => {
    piece = messages;
  };

  const folded = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

  // The piece with this number; its script is forgotten again.
  const load = (number) =>
    new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `search/${number}.js`;
      script.onload = () => {
        script.remove();
        resolve(piece);
        piece = [];
      };
      script.onerror = () => {
        script.remove();
        reject(new Error(`search/${number}.js is missing`));
      };
      document.head.append(script);
    });

  // The folded text, and for each of its characters where it comes from.
  const mapped = (text) => {
    let plain = '';
    const from = [];
    let at = 0;
    for (const character of text) {
      for (const unit of folded(character)) {
        plain += unit;
        for (let i = 0; i < unit.length; i++) from.push(at);
      }
      at += character.length;
    }
    from.push(at);
    return { plain, from };
  };

  // A part of the text around the first word, with all words marked.
  const snippet = (text, words) => {
    const { plain, from } = mapped(text);
    const found = words
      .flatMap((word) => {
        const all = [];
        for (let at = plain.indexOf(word); at >= 0 && all.length < 20; at = plain.indexOf(word, at + word.length)) {
          all.push([from[at], Math.max(from[at + word.length], from[at] + 1)]);
        }
        return all;
      })
      .sort((a, b) => a[0] - b[0]);
    const start = Math.max(0, (found[0]?.[0] ?? 0) - AROUND);
    const end = Math.min(text.length, start + 4 * AROUND);
    const line = document.createElement('p');
    let at = start;
    if (start > 0) line.append('…');
    for (const [first, last] of found) {
      if (first < at || last > end) continue;
      const mark = document.createElement('mark');
      mark.textContent = text.slice(first, last);
      line.append(text.slice(at, first), mark);
      at = last;
    }
    line.append(text.slice(at, end));
    if (end < text.length) line.append('…');
    return line;
  };

  const shown = ([room, page, seq, author, at, text], words) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = `rooms/${room}/${page}.html#m${seq}`;
    const by = document.createElement('span');
    by.className = 'by';
    by.textContent = author;
    const where = document.createElement('small');
    where.textContent = `${contents.rooms[room - 1]} · ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}`;
    link.append(by, where, snippet(text, words));
    item.append(link);
    return item;
  };

  const search = async (from = 0, before = 0) => {
    const mine = ++current;
    const words = folded(form.elements.q.value).split(/\s+/).filter(Boolean);
    const room = Number(form.elements.room.value);
    if (from === 0) results.replaceChildren();
    more.hidden = true;
    state.textContent = '';
    if (words.length === 0) return;
    let count = before;
    let next = from;
    try {
      while (next < order.length && count < before + ENOUGH) {
        state.textContent = `Searching … ${Math.round((100 * next) / order.length)} %`;
        const messages = await load(order[next].number);
        if (mine !== current) return;
        next += 1;
        const fits = messages.filter((message) => {
          if (room && message[0] !== room) return false;
          const text = folded(`${message[3]} ${message[5]}`);
          return words.every((word) => text.includes(word));
        });
        fits.sort((a, b) => b[4] - a[4]);
        count += fits.length;
        results.append(...fits.map((message) => shown(message, words)));
      }
    } catch (error) {
      state.textContent = `The search can’t go on: ${error.message}`;
      return;
    }
    const found = count === 0 ? 'No messages found' : `${count} ${count === 1 ? 'message' : 'messages'} found`;
    state.textContent = next < order.length ? `${found} so far` : found;
    more.hidden = next >= order.length;
    more.onclick = () => search(next, count);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const asked = new URLSearchParams(new FormData(form));
    // Browsers that keep no addresses of files search all the same.
    try {
      history.replaceState(null, '', `?${asked}`);
    } catch {}
    search();
  });
}
