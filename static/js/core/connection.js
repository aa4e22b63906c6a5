// The socket: one connection per page, named events in both directions, and whether it is connected.
import { RoomChannel } from '#js/core/room-channel.js';
import { io } from '#vendor/socket.io-client/socket.io.esm.min.js';

// After how long without an acknowledgement an event counts as lost; callers that need it send it again.
const PATIENCE = 20_000;
// The longest `retry_after` that is waited for silently, in seconds.
const SOON = 30;

export class Connection extends EventTarget {
  #socket;
  #bar = document.querySelector('#connection') ?? bar();
  #slow;
  // The session has ended: what must happen before the page is left.
  onEnd = async () => {};

  constructor() {
    super();
    this.#socket = io('/chat', { transports: ['websocket'], reconnectionDelay: 250, reconnectionDelayMax: 5_000, autoConnect: false });
    this.#socket.on('connect', () => { this.say(''); this.dispatchEvent(new Event('up')); });
    this.#socket.on('disconnect', (reason) => this.#lost(reason === 'io server disconnect'));
    this.#socket.on('connect_error', (error) => {
      if (error.message === 'unauthenticated') this.end(error.message, `/login?next=${encodeURIComponent(location.pathname)}`);
      else if (error.message === 'forbidden_origin') this.say('Live updates are off: this address doesn’t match PUBLIC_URL. Tell your admin.');
      else this.#lost(!this.#socket.active);
    });
    this.#socket.on('signed_out', ({ reason } = {}) => this.end(reason));
    // The browser knows at once; the socket would notice only after its next unanswered ping.
    addEventListener('offline', () => { this.#socket.disconnect(); this.#lost(false); });
    addEventListener('online', () => this.#socket.connect());
  }

  get isUp() { return this.#socket.connected; }

  open() { this.#socket.connect(); }

  // Nobody is signed in any more.
  async end(reason, next = '/login') {
    this.#socket.disconnect();
    await this.onEnd(reason);
    location.assign(next);
  }

  // The channel of one room, until the signal.
  in(room, signal) { return new RoomChannel(this, room, signal); }

  // Navigation: a status line that is shown moves to the new page.
  moved() {
    const old = this.#bar;
    this.#bar = document.querySelector('#connection') ?? bar();
    if (old !== this.#bar && !this.isUp && !old.querySelector('a')) this.say(old.textContent);
  }

  // Listens to an event, until the signal.
  on(event, heard, signal) {
    this.#socket.on(event, heard);
    signal?.addEventListener('abort', () => this.#socket.off(event, heard));
  }

  // Sends an event; returns its acknowledgement, or an error of the same shape.
  async ask(event, data = {}) {
    try {
      return await this.#socket.timeout(PATIENCE).emitWithAck(event, data);
    } catch {
      return { ok: false, error: { code: 'lost', message: 'No response from the server.' } };
    }
  }

  // The same for events that only read: a rate limit is waited for.
  async read(event, data = {}) {
    for (;;) {
      const answer = await this.ask(event, data);
      if (answer.ok || !passes(answer.error) || !this.isUp) return answer;
      await new Promise((resolve) => setTimeout(resolve, answer.error.retry_after * 1_000));
    }
  }

  // Sends an event that may be lost.
  hint(event, data = {}) {
    if (this.isUp) this.#socket.volatile.emit(event, data);
  }

  // Shows a status line at the top of the page, with an optional link.
  say(text, href, name) {
    clearTimeout(this.#slow);
    // The same text again is not announced: a connection may fail every few seconds.
    if (!href && this.#bar.textContent === text) return;
    this.#bar.textContent = text;
    this.#bar.hidden = !text;
    if (!href) return;
    const link = document.createElement('a');
    link.href = href;
    link.textContent = name;
    this.#bar.append(' ', link);
  }

  #lost(mustAsk) {
    this.dispatchEvent(new Event('down'));
    clearTimeout(this.#slow);
    // A short interruption is not shown.
    this.#slow = setTimeout(() => this.say(navigator.onLine ? 'Reconnecting…' : 'You’re offline. Messages will be sent when you’re back.'), 400);
    // The server closed the namespace: the client does not reconnect by itself.
    if (mustAsk) setTimeout(() => this.#socket.connect(), 1_000);
  }
}

// Errors that are over soon.
const passes = ({ code, retry_after }) => (code === 'rate_limited' || code === 'busy') && retry_after <= SOON;

// A status line below the header, for pages without one.
function bar() {
  const node = document.createElement('div');
  node.className = 'bar';
  node.id = 'connection';
  node.role = 'status';
  node.hidden = true;
  document.querySelector('main > .head')?.after(node);
  return node;
}
