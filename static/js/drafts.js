// What somebody has begun to write, kept in this browser for each person and room until it is sent or they log out.

const PREFIX = 'draft:';

export class Drafts {
  #key;

  constructor(me, room) {
    this.#key = `${PREFIX}${me.id}:${room}`;
    // Whoever was here before and did not log out: their words are not for the next person.
    forget((key) => !key.startsWith(`${PREFIX}${me.id}:`));
  }

  // { body, answer } or nothing.
  read() {
    try { return JSON.parse(localStorage.getItem(this.#key)) ?? {}; } catch { return {}; }
  }

  write(body, answer) {
    try {
      if (body || answer) localStorage.setItem(this.#key, JSON.stringify({ body, answer }));
      else localStorage.removeItem(this.#key);
    } catch {
      // A browser that keeps nothing, or is full: the words are still in the field.
    }
  }
}

// At logout every draft goes; `fits` leaves some.
export function forget(fits = () => true) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX) && fits(key)) localStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}
