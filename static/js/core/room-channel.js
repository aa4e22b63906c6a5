// The connection limited to one room: events are sent to it, and only its events are received.

export class RoomChannel extends EventTarget {
  #connection; #room;
  #hasEnded = false;

  #signal;

  constructor(connection, room, signal) {
    super();
    this.#connection = connection;
    this.#room = room;
    this.#signal = signal;
    for (const name of ['up', 'down']) connection.addEventListener(name, () => this.#hasEnded || this.dispatchEvent(new Event(name)), { signal });
    signal?.addEventListener('abort', () => { this.#hasEnded = true; });
  }

  get isUp() { return this.#connection.isUp && !this.#hasEnded; }

  on(event, heard) {
    this.#connection.on(event, (data) => { if (data.room === this.#room && !this.#hasEnded) heard(data); }, this.#signal);
  }

  ask(event, data = {}) { return this.#connection.ask(event, { room: this.#room, ...data }); }

  read(event, data = {}) { return this.#connection.read(event, { room: this.#room, ...data }); }

  hint(event) { if (this.isUp) this.#connection.hint(event, { room: this.#room }); }

  say(text) { if (!this.#hasEnded) this.#connection.say(text); }

  // Ends for good, with a reason and a link.
  end(text, href, name) {
    this.dispatchEvent(new Event('down'));
    this.#hasEnded = true;
    this.#connection.say(text, href, name);
  }
}
