// Logging out: asks first where something is unsent, and leaves nothing of this person in the browser.
import { drafts } from '#js/drafts.js';
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
      const lost = [waiting(unsent(me)), begun(drafts(me))].filter(Boolean).join(' ');
      if (!lost) return this.#go();
      this.#ask.querySelector('strong').textContent = lost;
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

const waiting = (count) => count && (count === 1 ? '1 message hasn’t been sent yet.' : `${count} messages haven’t been sent yet.`);
const begun = (count) => count && (count === 1 ? 'You have 1 draft.' : `You have ${count} drafts.`);
