// Posts on their way: in order, each with its nonce, kept until the server has said that it has them. They outlive the window and the
// network; whichever window is first to have a connection sends them, and the nonce makes a second sending harmless.
import { alone, keyOf, read, rooms, write } from '#js/outbox-store.js';

const BETWEEN_TRIES = 1_000;
// What passes by itself, and soon (in seconds); anything else needs the person.
const PASSING = new Set(['busy', 'rate_limited', 'unavailable', 'lost']);
const SOON = 60;

export class Outbox extends EventTarget {
  #line; #key;
  #isFlushing = false; #isWanted = false;
  onPosted = async () => {};

  constructor(room, me, line) {
    super();
    this.#line = line;
    // Of this person: whoever logs in here next does not send it in their own name.
    this.#key = keyOf(me, room);
  }

  // Shows what waits, from here on also what other windows do about it.
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

  // The message has come back as everybody sees it.
  arrived(nonce) {
    if (read(this.#key).some((post) => post.nonce === nonce)) this.discard(nonce);
  }

  // Sends what waits, one after the other, so that the order is the order of typing whatever fails in between.
  async flush() {
    this.#isWanted = true;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#isWanted && this.#line.isUp) {
      this.#isWanted = false;
      await alone(this.#key, () => this.#send());
    }
    this.#isFlushing = false;
  }

  async #send() {
    let post;
    while (this.#line.isUp && (post = read(this.#key).find(({ problem }) => !problem))) {
      const { nonce, body, reply_to } = post;
      const answer = await this.#line.ask('message', { body, nonce, reply_to });
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

// Sends what waits in the rooms that are not open; what is refused there shows when the room is opened.
export function flushElsewhere(me, connection, here, signal) {
  for (const room of rooms(me)) if (room !== here) new Outbox(room, me, connection.in(room, signal)).flush();
}
