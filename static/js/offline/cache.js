// Stores messages that came after a room's page, beside the page that the service worker caches, so that an offline reload shows them too.
// They are in the person's private cache, and are deleted with it.

// How many messages are kept; above that the page is fetched again.
const MOST = 100;

export class OfflineCache {
  #cache; #path; #room; #rev; #epoch;
  #messages = new Map();
  #isSaving = false;

  constructor(me, main) {
    this.#cache = `private-${me.id}`;
    this.#room = `/rooms/${main.dataset.room}`;
    this.#path = `/kept${this.#room}`;
    this.#rev = Number(main.dataset.rev);
    this.#epoch = main.dataset.epoch;
    // The worker caches only a room's latest messages.
    this.isOn = 'caches' in globalThis && location.pathname === this.#room && !location.search && main.dataset.latest === 'true';
  }

  // The cached messages that are newer than the page, in the room's order.
  async restore() {
    if (!this.isOn) return [];
    const messages = await this.#read();
    return messages.filter((message) => message.rev > this.#rev).sort((a, b) => a.seq - b.seq);
  }

  add(messages) {
    if (!this.isOn) return;
    for (const message of messages) if (message.rev > this.#rev) this.#messages.set(message.seq, message);
    if (this.#messages.size) this.#save();
    // A deleted message must not stay in the cached page.
    if (messages.some((message) => message.deleted_at && message.rev > this.#rev)) this.#renew();
  }

  async #read() {
    try {
      if (!(await caches.has(this.#cache))) return [];
      const found = await (await caches.open(this.#cache)).match(this.#path);
      const { epoch, messages } = (await found?.json()) ?? {};
      return epoch === this.#epoch ? messages : [];
    } catch {
      return [];
    }
  }

  #renew() { navigator.serviceWorker?.controller?.postMessage({ keep: this.#room }); }

  // One write at a time, with everything until then.
  async #save() {
    if (this.#isSaving) return;
    this.#isSaving = true;
    let count;
    do {
      count = this.#messages.size;
      const all = new Map((await this.#read()).map((message) => [message.seq, message]));
      for (const [seq, message] of this.#messages) if (!(all.get(seq)?.rev >= message.rev)) all.set(seq, message);
      const messages = [...all.values()].filter(({ rev }) => rev > this.#rev).sort((a, b) => a.rev - b.rev);
      if (messages.length > MOST) this.#renew();
      await this.#write(messages.slice(-MOST));
    } while (this.#messages.size > count);
    this.#isSaving = false;
  }

  // Never creates the cache: it was deleted when its person left.
  async #write(messages) {
    try {
      if (!(await caches.has(this.#cache))) return;
      const cache = await caches.open(this.#cache);
      await cache.put(this.#path, new Response(JSON.stringify({ epoch: this.#epoch, messages })));
    } catch {
      // The disk is full; the server has every message.
    }
  }
}

// Deletes a room that the person is no longer in.
export async function dropRoom(me, room) {
  const name = `private-${me.id}`;
  try {
    if (!(await caches.has(name))) return;
    const cache = await caches.open(name);
    for (const path of [`/rooms/${room}`, `/kept/rooms/${room}`]) await cache.delete(path, { ignoreVary: true });
  } catch {
    // A browser without caches has nothing to delete.
  }
}
