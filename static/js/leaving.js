// Logging out: asks first where something is unsent, and leaves nothing of this person in the browser.
import { unsent } from '#js/outbox-store.js';
import { end } from '#js/own.js';

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
      this.#ask.querySelector('strong').textContent = count === 1 ? '1 message hasn’t been sent yet.' : `${count} messages haven’t been sent yet.`;
      this.#ask.returnValue = '';
      this.#ask.showModal();
    });
    this.#ask.addEventListener('close', () => { if (this.#ask.returnValue === 'yes') this.#go(); });
  }

  async #go() {
    await end(this.#me, 'logged_out');
    this.#form.submit();
  }
}
