// The content of the column beside a room's log. It is taken from the page that shows the same (`data-column` marks the parts), and kept up
// to date with the room's events.
import { fetchPage } from '#js/core/prefetch.js';
import { announce } from '#js/core/announce.js';
import { button, icon, createElement } from '#js/core/dom.js';
import { element, update } from '#js/room/message.js';
import { excerptOf } from '#js/room/reply-preview.js';
import { connection, me } from '#js/core/session.js';
import { fullTime, moment } from '#js/core/time.js';

const TITLES = { members: 'Members', pins: 'Pinned messages', thread: 'Thread' };
// How long after a change pages are fetched, with a random spread: all viewers hear of it at the same moment. In milliseconds.
const SETTLE = 500;
const SPREAD = 1_500;
// The same after somebody left the room: most have only gone to another room, and are still online.
const GONE = 2_000;
const GONE_SPREAD = 6_000;
// How long a message that was jumped to stays highlighted.
const MARKED = 2_500;
// Above this, replies are not counted.
const MANY = 1_000;

export class ColumnView {
  #frame; #close;
  #aside = createElement('aside', 'column');
  #title = createElement('h2', '');
  #body = createElement('div', 'column-body');
  #foot = createElement('p', 'column-foot');
  // What is shown, where, and until when; how many pages of it were fetched, and the next one.
  #wanted = ''; #room; #main; #channel; #ending = null; #path; #pages = 1; #next = null; #due; #asking;
  // People who left the room, and may be online elsewhere.
  #gone = new Set();

  constructor(frame, close) {
    this.#frame = frame;
    this.#close = close;
    this.#title.id = 'column-title';
    this.#title.tabIndex = -1;
    this.#aside.id = 'column';
    this.#aside.setAttribute('aria-labelledby', this.#title.id);
    const cross = button('', () => close(), 'column-close');
    cross.ariaLabel = cross.title = 'Close';
    cross.append(icon('close'));
    const head = createElement('div', 'column-head');
    head.append(this.#title, cross);
    this.#aside.append(head, this.#body, this.#foot);
    this.#aside.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return;
      event.preventDefault();
      close();
    });
    this.#body.addEventListener('click', (event) => this.#pressed(event));
    this.#body.addEventListener('submit', (event) => this.#sent(event));
  }

  // Shows `members`, `pins` or `thread/SEQ` beside this page, or nothing. If a person asked for it, the column gets the focus.
  show(wanted, page, isAsked) {
    const isSame = wanted === this.#wanted && page?.room === this.#room;
    if (isSame && page?.main === this.#main) {
      if (isAsked) this.#title.focus();
      return;
    }
    this.#ending?.abort();
    clearTimeout(this.#due);
    clearTimeout(this.#asking);
    this.#due = this.#asking = null;
    this.#gone.clear();
    this.#wanted = wanted;
    this.#main = page?.main;
    this.#room = page?.room;
    if (!wanted) return this.#aside.remove();
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    page.signal.addEventListener('abort', () => this.#ending.abort(), { signal });
    this.#listen(signal);
    this.#frame.append(this.#aside);
    if (isSame) return this.#soon();
    const [kind, seq] = wanted.split('/');
    this.#title.textContent = TITLES[kind];
    this.#path = `/rooms/${encodeURIComponent(page.room)}/${seq ? `${seq}/thread` : kind}`;
    this.#pages = 1;
    this.#body.replaceChildren();
    this.#body.scrollTop = 0;
    this.#foot.replaceChildren();
    if (kind === 'members') {
      const link = createElement('a', 'quiet', this.#main.querySelector('.people a[data-fixed]') ? 'Conversation details' : 'Room details');
      link.href = this.#path;
      this.#foot.append(link);
    }
    if (isAsked) this.#title.focus();
    this.#fill(signal, true);
  }

  get #kind() { return this.#wanted.split('/')[0]; }

  #listen(signal) {
    this.#channel = connection.in(this.#room, signal);
    this.#main.addEventListener('message', ({ detail }) => this.#heard(detail), { signal });
    this.#channel.on('presence', ({ user, online }) => this.#cameOrWent(user, online));
    this.#channel.addEventListener('up', () => this.#soon());
    this.#channel.on('removed', () => {
      this.show('', null);
      this.#frame.removeAttribute('data-column');
    });
  }

  // Fetches as many pages as are shown.
  async #fill(signal, isFirst = false) {
    this.#aside.ariaBusy = 'true';
    const parts = [];
    try {
      for (let path = this.#path; path && parts.length < this.#pages; path = parts.at(-1).next) parts.push(await take(path, signal));
    } catch (error) {
      if (signal.aborted) return;
      console.warn(error);
      if (isFirst) this.#failed(signal);
      return;
    } finally {
      if (!signal.aborted) this.#aside.ariaBusy = null;
    }
    if (signal.aborted) return;
    const held = this.#body.contains(document.activeElement) && same(document.activeElement);
    const { scrollTop } = this.#body;
    const [first, ...others] = parts;
    for (const { list } of others) first.list.append(...list.children);
    this.#body.replaceChildren(...first.nodes);
    this.#more(parts.at(-1).next);
    this.#body.scrollTop = scrollTop;
    if (held) (this.#body.querySelector(held) ?? this.#title).focus({ preventScroll: true });
    if (isFirst) this.#body.querySelector('.message--target')?.scrollIntoView({ block: 'nearest' });
  }

  #failed(signal) {
    const line = createElement('p', 'aside', 'Couldn’t load this. ');
    line.append(button('Retry', () => { line.remove(); this.#fill(signal, true); }));
    this.#body.replaceChildren(line);
  }

  // A button for the next page.
  #more(next) {
    this.#body.querySelector('.more')?.remove();
    this.#next = next;
    if (!next) return;
    const line = createElement('p', 'more');
    line.append(button('Show more', async () => {
      const { signal } = this.#ending;
      const part = await take(next, signal).catch(() => null);
      if (signal.aborted) return;
      if (!part) return announce('Couldn’t load more. Try again.', { isShown: true });
      const first = part.list.querySelector('a[href]');
      this.#list.append(...part.list.children);
      this.#pages += 1;
      const isHeld = line.contains(document.activeElement);
      this.#more(part.next);
      if (isHeld) first?.focus({ preventScroll: true });
    }));
    this.#list.after(line);
  }

  get #list() { return this.#body.querySelector('[data-column=list]'); }

  // Fetches again soon, when an event alone is not enough.
  #soon() {
    const { signal } = this.#ending;
    this.#due ??= setTimeout(() => { this.#due = null; this.#fill(signal); }, SETTLE + Math.random() * SPREAD);
  }

  #heard(message) {
    if (this.#kind === 'members') {
      if (message.kind === 'joined' || message.kind === 'left') this.#soon();
      return;
    }
    const node = this.#body.querySelector(`[data-seq="${message.seq}"]`);
    if (node && Number(node.dataset.rev) < message.rev) update(node, message, me);
    // Deleted messages get no replies.
    const reply = this.#body.querySelector('[data-column=reply]');
    if (reply) reply.hidden = this.#body.querySelector('.message').hasAttribute('data-gone');
    if (this.#kind === 'pins' && !!node !== !!message.pinned) this.#soon();
    if (this.#kind === 'thread' && !node && message.reply_to && this.#body.querySelector(`[data-seq="${message.reply_to}"]`)) this.#replied(message);
  }

  // A new reply: it is the last one, as in the log.
  #replied(message) {
    const count = this.#body.querySelector('[data-column=count]');
    const total = Number(count.dataset.count) + 1;
    if (total < MANY) {
      count.dataset.count = total;
      count.textContent = `${total} ${total === 1 ? 'reply' : 'replies'}`;
    }
    // It comes with the next page.
    if (this.#next) return;
    const isAtEnd = this.#body.scrollHeight - this.#body.scrollTop - this.#body.clientHeight < 40;
    const node = element(message, me);
    node.classList.add('message--first');
    const quote = node.querySelector('.answers');
    const answered = this.#body.querySelector(`[data-seq="${message.reply_to}"]`);
    if (count.dataset.first === String(message.reply_to)) quote.remove();
    else quote.replaceChildren(createElement('span', 'answers-by', answered.querySelector('.by')?.textContent ?? ''), ' ', createElement('span', 'answers-words', excerptOf(answered)));
    const item = createElement('li', '');
    item.append(node);
    apart(item);
    this.#list.append(item);
    this.#list.hidden = false;
    if (isAtEnd) this.#body.scrollTop = this.#body.scrollHeight;
  }

  #cameOrWent(user, online) {
    const face = this.#kind === 'members' && this.#body.querySelector(`[data-person="${CSS.escape(user)}"]`);
    if (!face) return;
    if (!online) {
      this.#gone.add(user);
      const { signal } = this.#ending;
      this.#asking ??= setTimeout(() => {
        this.#asking = null;
        if (this.#gone.size) this.#fill(signal);
        this.#gone.clear();
      }, GONE + Math.random() * GONE_SPREAD);
      return;
    }
    this.#gone.delete(user);
    face.querySelector('.dot').classList.add('dot--on');
    face.closest('li').querySelector('[data-said]').textContent = ', online';
  }

  #pressed(event) {
    const link = event.target.closest('a[href]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.closest('[data-column=reply]') && this.#main.querySelector('#composer')) {
      event.preventDefault();
      this.#main.dispatchEvent(new CustomEvent('reply', { detail: this.#body.querySelector('.message') }));
      return;
    }
    // All members again, after a search.
    if (link.closest('[data-column=none]') && link.pathname.endsWith('/members')) {
      event.preventDefault();
      this.#search('');
      return;
    }
    // A link to a message scrolls to it if the log has it.
    const seq = /^\/rooms\/[^/]+\/(\d+)$/.exec(link.pathname)?.[1];
    const node = seq && this.#main.querySelector(`#m${seq}`);
    if (!node) return;
    event.preventDefault();
    node.scrollIntoView({ block: 'center' });
    node.focus({ preventScroll: true });
    node.classList.add('message--found');
    setTimeout(() => node.classList.remove('message--found'), MARKED);
  }

  #search(q) {
    const { signal } = this.#ending;
    this.#path = `/rooms/${encodeURIComponent(this.#room)}/members${q && `?q=${encodeURIComponent(q)}`}`;
    this.#pages = 1;
    this.#fill(signal);
  }

  // Forms are sent over the connection; without one, the browser submits them.
  #sent(event) {
    const form = event.target;
    if (form.matches('.finder')) {
      event.preventDefault();
      return this.#search(form.elements.q.value.trim());
    }
    if (!this.#channel.isUp) return;
    const seq = Number(form.closest('li').querySelector('[data-seq]')?.dataset.seq);
    if (!seq) return;
    event.preventDefault();
    const on = form.elements.on.value === 'true';
    if (form.matches('.chip')) this.#do('react', { seq, emoji: form.dataset.emoji, on });
    else this.#do('pin', { seq, on });
  }

  async #do(event, data) {
    const { signal } = this.#ending;
    const answer = await this.#channel.ask(event, data);
    if (signal.aborted) return;
    if (!answer.ok) return announce(answer.error.code === 'lost' ? 'No connection. Try again.' : answer.error.message, { isShown: true });
    if (event !== 'pin') return;
    announce('Unpinned', { isShown: true });
    this.#fill(signal);
  }
}

// A page's parts for the column: the nodes, the list among them, and the address of the next page.
async function take(path, signal) {
  const page = await fetchPage(new URL(path, location.href), signal);
  const main = page && new DOMParser().parseFromString(page.html, 'text/html').querySelector('main#content');
  const nodes = [...main?.querySelectorAll('[data-column]') ?? []].map((node) => document.adoptNode(node));
  const list = nodes.find((node) => node.dataset.column === 'list');
  if (!list) throw new Error(`${path} has nothing for the column`);
  nodes.forEach(apart);
  const next = nodes.find((node) => node.dataset.column === 'next');
  return { nodes: nodes.filter((node) => node !== next), list, next: next && next.pathname + next.search };
}

// The log may show the same messages: ids get a prefix here. Times are in the reader's format.
function apart(part) {
  for (const node of [part, ...part.querySelectorAll('*')]) {
    if (node.id) node.id = `column-${node.id}`;
    const by = node.getAttribute('aria-labelledby');
    if (by) node.setAttribute('aria-labelledby', by.replace(/\S+/g, 'column-$&'));
  }
  for (const time of part.querySelectorAll('time')) {
    time.title = fullTime(time.dateTime);
    (time.querySelector('a') ?? time).textContent = moment(time.dateTime);
  }
}

// A selector that finds the focused element again after a refresh.
function same(node) {
  const href = node.getAttribute('href');
  if (href) return `${node.tagName}[href="${CSS.escape(href)}"]`;
  return node.name ? `[name="${CSS.escape(node.name)}"]` : null;
}
