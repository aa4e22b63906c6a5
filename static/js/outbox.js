// Posts on their way: in order, each with its nonce, kept over a reload until the server has said that it has them.

const BETWEEN_TRIES = 1_000;
// What passes by itself; anything else needs the person.
const PASSING = new Set(['busy', 'rate_limited', 'unavailable', 'lost']);

export class Outbox extends EventTarget {
  #connection; #key;
  #posts = [];
  #isFlushing = false;
  onPosted = async () => {};

  constructor(room, me, connection) {
    super();
    this.#connection = connection;
    // Of this person: whoever logs in here next does not send it in their own name.
    this.#key = `outbox:${me.id}:${room}`;
  }

  // What a reload interrupted. The nonce makes a post that had arrived after all harmless.
  restore() {
    try { this.#posts = JSON.parse(sessionStorage.getItem(this.#key)) ?? []; } catch { this.#posts = []; }
    this.#changed();
  }

  add(body, { reply_to } = {}) {
    this.#posts.push({ nonce: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, body, reply_to });
    this.#changed();
    this.flush();
  }

  retry(nonce) {
    const post = this.#posts.find((post) => post.nonce === nonce);
    if (post) delete post.problem;
    this.#changed();
    this.flush();
  }

  discard(nonce) {
    this.#posts = this.#posts.filter((post) => post.nonce !== nonce);
    this.#changed();
  }

  // The message has come back as everybody sees it.
  arrived(nonce) {
    if (this.#posts.some((post) => post.nonce === nonce)) this.discard(nonce);
  }

  // Sends what waits, one after the other, so that the order is the order of typing whatever fails in between.
  async flush() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    let post;
    while (this.#connection.isUp && (post = this.#posts.find((post) => !post.problem))) {
      const answer = await this.#connection.ask('message', { body: post.body, nonce: post.nonce, reply_to: post.reply_to });
      if (answer.ok) {
        await this.onPosted(answer.message);
        this.arrived(post.nonce);
      } else if (PASSING.has(answer.error.code)) {
        await new Promise((resolve) => setTimeout(resolve, (answer.error.retry_after ?? 0) * 1_000 || BETWEEN_TRIES));
      } else {
        post.problem = answer.error.message;
        this.#changed();
      }
    }
    this.#isFlushing = false;
  }

  #changed() {
    if (this.#posts.length) sessionStorage.setItem(this.#key, JSON.stringify(this.#posts));
    else sessionStorage.removeItem(this.#key);
    this.dispatchEvent(new CustomEvent('change', { detail: this.#posts.map((post) => ({ ...post, retry: () => this.retry(post.nonce), discard: () => this.discard(post.nonce) })) }));
  }
}
