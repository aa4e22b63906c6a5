// Unacknowledged posts: in order, each with its nonce, kept until the server has acknowledged them. They survive the window and network
// failures; the first window with a connection sends them, and the nonce makes a repetition harmless.
//
// A post with files waits until they are uploaded, and later posts wait behind it. Its files are { name, id, alt }, without an `id` until
// the server has it; `window` says which window uploads them (`files/held-posts.js`).
import { hold, isAlive, posts, release, uploadsOf } from '#js/files/held-posts.js';
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
    addEventListener('storage', ({ key }) => { if (key === this.#key || key === null) { this.#tell(); this.flush(); } }, { signal });
    posts.addEventListener('ready', () => this.flush(), { signal });
    this.#tell();
  }

  add(body, { reply_to, uploads = [] } = {}) {
    const nonce = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const files = uploads.length ? uploads.map(described) : undefined;
    const window = uploads.length ? hold(nonce, uploads) : undefined;
    this.#change((posts) => [...posts, { nonce, body, reply_to, files, window }]);
    this.flush();
  }

  retry(nonce) {
    for (const upload of uploadsOf(nonce) ?? []) if (upload.state === 'failed') upload.retry();
    this.#alter(nonce, { problem: undefined });
    this.flush();
  }

  discard(nonce) {
    release(nonce, { isUnwanted: true });
    this.#remove(nonce);
  }

  // The post's message has arrived.
  arrived(nonce) {
    release(nonce);
    if (read(this.#key).some((post) => post.nonce === nonce)) this.#remove(nonce);
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
      const files = await this.#files(post);
      if (files === null) return;
      if (files.problem) { this.#alter(nonce, { problem: files.problem }); continue; }
      const answer = await this.#channel.ask('message', { body, nonce, reply_to, ...files });
      if (answer.ok) {
        // A command has no message, but something to say.
        if (answer.notice) this.dispatchEvent(new CustomEvent('notice', { detail: answer.notice }));
        else await this.onPosted(answer.message);
        this.arrived(nonce);
      } else if (PASSING.has(answer.error.code) && (answer.error.retry_after ?? 0) <= SOON) {
        await new Promise((resolve) => setTimeout(resolve, (answer.error.retry_after ?? 0) * 1_000 || BETWEEN_TRIES));
      } else if (this.#isKept(post, answer.error.message)) {
        this.#alter(nonce, { problem: answer.error.message });
      } else {
        this.discard(nonce);
      }
    }
  }

  // The fields of the event for a post's files; a problem; or null while they are on their way.
  async #files({ nonce, files, window }) {
    if (!files) return {};
    const uploads = uploadsOf(nonce);
    if (uploads?.some(({ isOver }) => !isOver)) return null;
    const failed = uploads?.find(({ state }) => state !== 'done');
    if (failed) return { problem: failed.problem || `${failed.name} wasn’t uploaded.` };
    const all = uploads?.map(described) ?? files;
    if (uploads) this.#alter(nonce, { files: all, window: undefined });
    else if (window) return (await isAlive(window)) ? null : { problem: 'The upload was interrupted when its page was closed. Choose the files again.' };
    return { attachments: all.map(({ id }) => id), alts: all.map(({ alt }) => alt) };
  }

  // Whether a refused post waits for its sender here. A command may go back to where it was written.
  #isKept({ body, files }, why) {
    const isCommand = body.startsWith('/') && !files;
    return !isCommand || this.dispatchEvent(new CustomEvent('refused', { cancelable: true, detail: { body, why } }));
  }

  #alter(nonce, changes) { this.#change((posts) => posts.map((post) => (post.nonce === nonce ? { ...post, ...changes } : post))); }

  #remove(nonce) { this.#change((posts) => posts.filter((post) => post.nonce !== nonce)); }

  #change(change) {
    write(this.#key, change(read(this.#key)));
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent('change', { detail: read(this.#key).map((post) => ({ ...post, retry: () => this.retry(post.nonce), discard: () => this.discard(post.nonce) })) }));
  }
}

const described = ({ name, id, alt }) => ({ name, id, alt });

// Sends posts of rooms that are not open; refusals show when the room is opened.
export function flushElsewhere(me, connection, here, signal) {
  for (const room of rooms(me)) if (room !== here) new Outbox(room, me, connection.in(room, signal)).flush();
}
