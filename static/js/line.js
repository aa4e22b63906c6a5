// One room's end of the connection: what is said here is said of that room, and only what is of that room is heard.

export class Line extends EventTarget {
  #connection; #room;
  #hasEnded = false;

  constructor(connection, room) {
    super();
    this.#connection = connection;
    this.#room = room;
    for (const name of ['up', 'down']) connection.addEventListener(name, () => this.#hasEnded || this.dispatchEvent(new Event(name)));
  }

  get isUp() { return this.#connection.isUp && !this.#hasEnded; }

  on(event, heard) {
    this.#connection.on(event, (data) => { if (data.room === this.#room && !this.#hasEnded) heard(data); });
  }

  ask(event, data = {}) { return this.#connection.ask(event, { room: this.#room, ...data }); }

  read(event, data = {}) { return this.#connection.read(event, { room: this.#room, ...data }); }

  hint(event) { if (this.isUp) this.#connection.hint(event, { room: this.#room }); }

  say(text) { if (!this.#hasEnded) this.#connection.say(text); }

  // Ends for good, says why, and where to go from here.
  end(text, href, name) {
    this.dispatchEvent(new Event('down'));
    this.#hasEnded = true;
    this.#connection.say(text, href, name);
  }
}
