// Unacknowledged posts: in order, each with its nonce, kept until the server has acknowledged them. They survive the window and network
// failures; the first window with a connection sends them, and the nonce makes a repetition harmless.
import { alone, keyOf, read, rooms, write } from '#js/offline/outbox-store.js';

const BETWEEN_TRIES = 1_000;
// Temporary errors with a short wait (in seconds); all others need the person.
const PASSING = new Set(['busy', 'rate_limited', 'unavailable', 'lost']);
const SOON = 60;

export class Outbox extends EventTarget {
  #channel; #key;
  #isFlushing = false; #isWanted = false;
  onPosted = async () => {};

  constructor(room, me, channel) {
    super();
    this.#channel = channel;
    // Keyed by person: whoever logs in next does not send them.
    this.#key = keyOf(me, room);
  }

  // Reports unsent posts, from here on also those of other windows.
  restore(signal) {
    addEventListener('storage', ({ key }) => { if (key === this.#key || key === null) this.#tell(); }, { signal });
    this.#tell();
  }

  add(body, { reply_to } = {}) {
    this.#change((posts) => [...posts, { nonce: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, body, reply_to }]);
    this.flush();
  }

  retry(nonce) {
    this.#change((posts) => posts.map((post) => (post.nonce === nonce ? { ...post, problem: undefined } : post)));
    this.flush();
  }

  discard(nonce) {
    this.#change((posts) => posts.filter((post) => post.nonce !== nonce));
  }

  // The post's message has arrived.
  arrived(nonce) {
    if (read(this.#key).some((post) => post.nonce === nonce)) this.discard(nonce);
  }

  // Sends the posts one by one, so that failures do not change the order.
  async flush() {
    this.#isWanted = true;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#isWanted && this.#channel.isUp) {
      this.#isWanted = false;
      await alone(this.#key, () => this.#send());
    }
    this.#isFlushing = false;
  }

  async #send() {
    let post;
    while (this.#channel.isUp && (post = read(this.#key).find(({ problem }) => !problem))) {
      const { nonce, body, reply_to } = post;
      const answer = await this.#channel.ask('message', { body, nonce, reply_to });
      if (answer.ok) {
        await this.onPosted(answer.message);
        this.arrived(nonce);
      } else if (PASSING.has(answer.error.code) && (answer.error.retry_after ?? 0) <= SOON) {
        await new Promise((resolve) => setTimeout(resolve, (answer.error.retry_after ?? 0) * 1_000 || BETWEEN_TRIES));
      } else {
        this.#change((posts) => posts.map((one) => (one.nonce === nonce ? { ...one, problem: answer.error.message } : one)));
      }
    }
  }

  #change(change) {
    write(this.#key, change(read(this.#key)));
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent('change', { detail: read(this.#key).map((post) => ({ ...post, retry: () => this.retry(post.nonce), discard: () => this.discard(post.nonce) })) }));
  }
}

// Sends posts of rooms that are not open; refusals show when the room is opened.
export function flushElsewhere(me, connection, here, signal) {
  for (const room of rooms(me)) if (room !== here) new Outbox(room, me, connection.in(room, signal)).flush();
}
