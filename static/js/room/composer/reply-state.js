// Which message the next one replies to.

export class ReplyState {
  #bar; #words; #list;
  onCancel = () => {};
  answering = null;

  constructor(bar, list) {
    this.#bar = bar;
    this.#words = bar.querySelector('.words');
    this.#list = list;
    this.#bar.querySelector('#escape').hidden = false;
    this.#bar.querySelector('a').addEventListener('click', (event) => { event.preventDefault(); this.onCancel(); });
  }

  // { seq, name, excerpt }; a draft from another browser has only the `seq`.
  answer(message) {
    this.answering = message;
    this.#bar.hidden = !message;
    if (!message) { this.#words.textContent = ''; return; }
    const known = message.name ?? this.#list.querySelector(`#m${message.seq} .by`)?.textContent ?? 'an earlier message';
    const name = document.createElement('strong');
    name.textContent = known;
    this.#words.replaceChildren('Replying to ', name, message.excerpt ? `: ${message.excerpt}` : '');
  }
}
