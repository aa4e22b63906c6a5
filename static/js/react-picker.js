// Choosing an emoji: six usual ones, and all of them by name.
import { beside } from '#js/beside.js';
import { groups, search } from '#js/emoji.js';
import { make } from '#js/make.js';

// How many a search finds at the most.
const SHOWN = 60;

export class Picker {
  #picker = document.querySelector('#picker');
  #search = this.#picker.querySelector('input');
  #grid = this.#picker.querySelector('.emojis');
  #nothing = this.#picker.querySelector('.nothing');
  #choose = () => {}; #opener;

  constructor() {
    this.#search.addEventListener('input', () => this.#show());
    this.#picker.addEventListener('click', (event) => this.#chosen(event.target.closest('.face')));
    this.#picker.addEventListener('keydown', (event) => this.#key(event));
    this.#picker.addEventListener('toggle', ({ newState }) => {
      const isLost = !document.activeElement || document.activeElement === document.body || this.#picker.contains(document.activeElement);
      if (newState === 'closed' && isLost) this.#opener?.focus({ preventScroll: true });
    });
  }

  open(at, choose) {
    this.#opener = at;
    this.#choose = choose;
    this.#search.value = '';
    this.#show();
    this.#picker.showPopover();
    beside(this.#picker, at);
    if (matchMedia('(pointer: fine)').matches) this.#search.focus(); else this.#picker.querySelector('.face').focus();
  }

  async #show() {
    const wanted = this.#search.value.trim().replaceAll(':', '');
    const found = await (wanted ? search(wanted, SHOWN) : groups()).catch(() => []);
    // Somebody who types quickly is shown the answer to the last of it.
    if (wanted !== this.#search.value.trim().replaceAll(':', '')) return;
    if (wanted) this.#grid.replaceChildren(...found.map(({ emoji, name }) => face(emoji, name)));
    else if (!this.#grid.querySelector('.group')) this.#grid.replaceChildren(...found.flatMap(({ name, emoji }) => [make('p', 'group', name), ...emoji.map((one) => face(one.emoji, one.name))]));
    this.#grid.scrollTop = 0;
    this.#nothing.hidden = found.length > 0;
  }

  #chosen(face) {
    if (!face) return;
    this.#picker.hidePopover();
    this.#choose(face.dataset.emoji);
  }

  #key(event) {
    const faces = [...this.#picker.querySelectorAll('.face')];
    const at = faces.indexOf(document.activeElement);
    if (event.key === 'Enter' && document.activeElement === this.#search) { event.preventDefault(); this.#chosen(this.#grid.querySelector('.face')); return; }
    const across = Math.max(1, Math.floor(this.#grid.clientWidth / (faces[0]?.offsetWidth || 36)));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: at < 0 ? 1 : across, ArrowUp: -across }[event.key];
    if (step === undefined || (at < 0 && event.key !== 'ArrowDown')) return;
    event.preventDefault();
    if (at + step < 0) this.#search.focus(); else faces[Math.min(at + step, faces.length - 1)].focus();
  }
}

// The usual emoji, as the page lists them: [{ emoji, name }].
export function usual() {
  return [...document.querySelectorAll('#picker .usual .face')].map(({ dataset, ariaLabel }) => ({ emoji: dataset.emoji, name: ariaLabel }));
}

function face(char, name) {
  const press = make('button', 'face', char);
  press.type = 'button';
  press.dataset.emoji = char;
  press.title = press.ariaLabel = name;
  return press;
}
