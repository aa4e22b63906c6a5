// The usual acts on the message that is pointed at or focused: one row of buttons, moved to where it is wanted.
import { icon, make } from '#js/make.js';

const USUAL = ['react', 'reply', 'edit'];

export class Toolbar {
  #acts; #menu; #node;
  #row = make('span', 'acting-usual');

  constructor(acts, menu) {
    this.#acts = acts;
    this.#menu = menu;
    this.#row.role = 'group';
    this.#row.ariaLabel = 'Message actions';
    acts.list.addEventListener('pointerover', (event) => { if (event.pointerType !== 'touch') this.#to(event.target.closest('.message')); });
    acts.list.addEventListener('focusin', (event) => this.#to(event.target.closest('.message')));
    this.#row.addEventListener('click', (event) => {
      const press = event.target.closest('[data-act]');
      if (press) this.#acts.do(press.dataset.act, this.#row.closest('.message'), press);
    });
  }

  #to(node) {
    // What has the focus keeps its buttons.
    if (!node || node.dataset.nonce || this.#row.contains(document.activeElement)) return;
    const state = `${node.dataset.seq}:${node.dataset.rev}`;
    if (this.#node === node && this.#row.dataset.state === state) return;
    this.#node = node;
    this.#row.dataset.state = state;
    this.#row.replaceChildren(...this.#acts.offered(node).filter((act) => USUAL.includes(act.name)).map((act) => {
      const press = make('button', 'usual-act');
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
