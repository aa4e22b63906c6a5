// Logging out: stores drafts first, asks if something would be lost, and removes the person's data from the browser.
import { unsent } from '#js/offline/outbox-store.js';
import { endSession } from '#js/core/user-storage.js';

export class Logout {
  #me; #form;
  #ask = document.querySelector('#leaving');

  constructor(me, drafts) {
    this.#me = me;
    document.addEventListener('submit', async (event) => {
      if (event.target.getAttribute('action') !== '/logout') return;
      event.preventDefault();
      this.#form = event.target;
      const unsaved = await drafts.flushAll();
      const lost = [waiting(unsent(me)), begun(unsaved)].filter(Boolean).join(' ');
      if (!lost) return this.#go();
      this.#ask.querySelector('strong').textContent = lost;
      this.#ask.returnValue = '';
      if (!this.#ask.open) this.#ask.showModal();
    });
    this.#ask.addEventListener('close', () => { if (this.#ask.returnValue === 'yes') this.#go(); });
  }

  async #go() {
    await endSession(this.#me, 'logged_out');
    this.#form.submit();
  }
}

const waiting = (count) => count && (count === 1 ? '1 message hasn’t been sent yet.' : `${count} messages haven’t been sent yet.`);
const begun = (count) => count && (count === 1 ? '1 draft couldn’t be saved.' : `${count} drafts couldn’t be saved.`);
