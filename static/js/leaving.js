// Logging out: asks first where something is unsent, and leaves nothing of this person in the browser.
import { forget, unsent } from '#js/outbox-store.js';

export class Leaving {
  #me; #form;
  #ask = document.querySelector('#leaving');

  constructor(me) {
    this.#me = me;
    document.addEventListener('submit', (event) => {
      if (event.target.getAttribute('action') !== '/logout') return;
      event.preventDefault();
      this.#form = event.target;
      const count = unsent(me);
      if (!count) return this.#go();
      this.#ask.querySelector('strong').textContent = count === 1 ? 'One message has not been sent yet.' : `${count} messages have not been sent yet.`;
      this.#ask.returnValue = '';
      this.#ask.showModal();
    });
    this.#ask.addEventListener('close', () => { if (this.#ask.returnValue === 'yes') this.#go(); });
  }

  async #go() {
    forget(this.#me);
    // The worker does the same when it sees the form; this is for a page that it does not stand behind.
    if ('caches' in globalThis) for (const name of await caches.keys()) if (name.startsWith('private-')) await caches.delete(name);
    this.#form.submit();
  }
}
