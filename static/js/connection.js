// The socket: one connection a page, events in and out by name, and whether it is there.
import { Line } from '#js/line.js';
import { io } from '#vendor/socket.io-client/socket.io.esm.min.js';

// How long an acknowledgement may take before the event counts as lost; it is sent again by whoever cares.
const PATIENCE = 20_000;
// How long a wait may be that nobody is told of, in seconds.
const SOON = 30;

export class Connection extends EventTarget {
  #socket;
  #bar = document.querySelector('#connection') ?? bar();
  #slow;
  // The session has ended; what has to be done before the page is left.
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
    // What the browser knows at once, the socket would find out only after its next unanswered ping.
    addEventListener('offline', () => { this.#socket.disconnect(); this.#lost(false); });
    addEventListener('online', () => this.#socket.connect());
  }

  get isUp() { return this.#socket.connected; }

  open() { this.#socket.connect(); }

  // Nobody is signed in here any more.
  async end(reason, next = '/login') {
    this.#socket.disconnect();
    await this.onEnd(reason);
    location.assign(next);
  }

  // One room's end of it, as long as the signal says.
  in(room, signal) { return new Line(this, room, signal); }

  // Another page is open, with a line of its own: what is said of the connection holds there too.
  moved() {
    const old = this.#bar;
    this.#bar = document.querySelector('#connection') ?? bar();
    if (old !== this.#bar && !this.isUp && !old.querySelector('a')) this.say(old.textContent);
  }

  // Hears of an event, as long as the signal says.
  on(event, heard, signal) {
    this.#socket.on(event, heard);
    signal?.addEventListener('abort', () => this.#socket.off(event, heard));
  }

  // Asks the server something; gives its answer, or an error of the same shape when none came.
  async ask(event, data = {}) {
    try {
      return await this.#socket.timeout(PATIENCE).emitWithAck(event, data);
    } catch {
      return { ok: false, error: { code: 'lost', message: 'No response from the server.' } };
    }
  }

  // The same for what only reads: where that was too much at once, it is asked again after the wait that the server names.
  async read(event, data = {}) {
    for (;;) {
      const answer = await this.ask(event, data);
      if (answer.ok || !passes(answer.error) || !this.isUp) return answer;
      await new Promise((resolve) => setTimeout(resolve, answer.error.retry_after * 1_000));
    }
  }

  // Says something that is stale soon, and that nobody misses.
  hint(event, data = {}) {
    if (this.isUp) this.#socket.volatile.emit(event, data);
  }

  // Puts a line over the page, with a link where there is somewhere to go.
  say(text, href, name) {
    clearTimeout(this.#slow);
    // The same words again are not news: a connection that fails every few seconds is told once.
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
    // A blink is not worth a word.
    this.#slow = setTimeout(() => this.say(navigator.onLine ? 'Reconnecting…' : 'You’re offline. Messages will be sent when you’re back.'), 400);
    // The server closed the namespace: the client does not come back by itself.
    if (mustAsk) setTimeout(() => this.#socket.connect(), 1_000);
  }
}

// What is only too much at once, and soon will not be.
const passes = ({ code, retry_after }) => (code === 'rate_limited' || code === 'busy') && retry_after <= SOON;

// Where a page has no line of its own for it, one under its head.
function bar() {
  const node = document.createElement('div');
  node.className = 'bar';
  node.id = 'connection';
  node.role = 'status';
  node.hidden = true;
  document.querySelector('main > .head')?.after(node);
  return node;
}
