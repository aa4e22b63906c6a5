// The words that came to a room after its page did, kept beside the page that the service worker keeps: so that a reload without a
// network shows them too. They lie in the worker's cache of this person, and go with it.

// How many messages are kept; more than that, and the page is asked for anew.
const MOST = 100;

export class Kept {
  #cache; #path; #room; #rev; #epoch;
  #messages = new Map();
  #isSaving = false;

  constructor(me, main) {
    this.#cache = `private-${me.id}`;
    this.#room = `/rooms/${main.dataset.room}`;
    this.#path = `/kept${this.#room}`;
    this.#rev = Number(main.dataset.rev);
    this.#epoch = main.dataset.epoch;
    // The worker keeps a room's latest messages, and no other page of it.
    this.isOn = 'caches' in globalThis && location.pathname === this.#room && !location.search && main.dataset.latest === 'true';
  }

  // What came after the page, as far as it was kept; in the order of the room.
  async restore() {
    if (!this.isOn) return [];
    const messages = await this.#read();
    return messages.filter((message) => message.rev > this.#rev).sort((a, b) => a.seq - b.seq);
  }

  add(messages) {
    if (!this.isOn) return;
    for (const message of messages) if (message.rev > this.#rev) this.#messages.set(message.seq, message);
    if (this.#messages.size) this.#save();
    // What was deleted is not to be read any more, here either.
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

  // One after the other, each with everything until then.
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

  // Never into a cache that is not there: it went with the person who left.
  async #write(messages) {
    try {
      if (!(await caches.has(this.#cache))) return;
      const cache = await caches.open(this.#cache);
      await cache.put(this.#path, new Response(JSON.stringify({ epoch: this.#epoch, messages })));
    } catch {
      // A full disk keeps nothing; the room itself has every word.
    }
  }
}

// A room that one is not in any more: nothing of it stays.
export async function drop(me, room) {
  const name = `private-${me.id}`;
  try {
    if (!(await caches.has(name))) return;
    const cache = await caches.open(name);
    for (const path of [`/rooms/${room}`, `/kept/rooms/${room}`]) await cache.delete(path, { ignoreVary: true });
  } catch {
    // A browser that keeps nothing has nothing to drop.
  }
}
