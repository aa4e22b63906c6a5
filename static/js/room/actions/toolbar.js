// The usual actions on the message under the pointer or in focus: one row of buttons, moved to that message.
import { icon, createElement } from '#js/core/dom.js';

const USUAL = ['react', 'reply', 'edit'];

export class ActionToolbar {
  #actions; #menu; #node;
  #row = createElement('span', 'acting-usual');

  constructor(actions, menu) {
    this.#actions = actions;
    this.#menu = menu;
    this.#row.role = 'group';
    this.#row.ariaLabel = 'Message actions';
    actions.list.addEventListener('pointerover', (event) => { if (event.pointerType !== 'touch') this.#to(event.target.closest('.message')); });
    actions.list.addEventListener('focusin', (event) => this.#to(event.target.closest('.message')));
    this.#row.addEventListener('click', (event) => {
      const press = event.target.closest('[data-act]');
      if (press) this.#actions.do(press.dataset.act, this.#row.closest('.message'), press);
    });
  }

  #to(node) {
    // A toolbar in focus stays where it is.
    if (!node || node.dataset.nonce || this.#row.contains(document.activeElement)) return;
    const state = `${node.dataset.seq}:${node.dataset.rev}`;
    if (this.#node === node && this.#row.dataset.state === state) return;
    this.#node = node;
    this.#row.dataset.state = state;
    this.#row.replaceChildren(...this.#actions.offered(node).filter((act) => USUAL.includes(act.name)).map((act) => {
      const press = createElement('button', 'usual-act');
      press.type = 'button';
      press.dataset.act = act.name;
      press.dataset.key = act.key;
      press.ariaLabel = act.text;
      press.setAttribute('aria-keyshortcuts', act.key === '+' ? 'Plus' : act.key.toUpperCase());
      press.append(icon(act.name));
      return press;
    }));
    node.querySelector('.acting')?.prepend(this.#row);
    this.#menu.names(node.querySelector('.more'));
  }
}
