// Which message the next one answers.

export class State {
  #bar = document.querySelector('#composer-state');
  #words = this.#bar.querySelector('.words');
  onCancel = () => {};
  answering = null;

  constructor() {
    this.#bar.querySelector('#escape').hidden = false;
    this.#bar.querySelector('a').addEventListener('click', (event) => { event.preventDefault(); this.onCancel(); });
  }

  // { seq, name, excerpt }; of a draft that was begun in another browser only the number is known.
  answer(message) {
    this.answering = message;
    this.#bar.hidden = !message;
    if (!message) { this.#words.textContent = ''; return; }
    const known = message.name ?? document.querySelector(`#m${message.seq} .by`)?.textContent ?? 'an earlier message';
    const name = document.createElement('strong');
    name.textContent = known;
    this.#words.replaceChildren('Replying to ', name, message.excerpt ? `: ${message.excerpt}` : '');
  }
}
