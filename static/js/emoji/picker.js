// The picker of all emoji: recent ones, usual ones, all by group and by name. Loaded on first use.
import { positionPopover } from '#js/core/popover-position.js';
import { groups, recent, search } from '#js/emoji/emoji.js';
import { createElement } from '#js/core/dom.js';

// How many results a search shows, and how many recent emoji are on top.
const SHOWN = 60;
const RECENT = 8;

export class EmojiPicker {
  #search; #grid; #nothing; #usual; #groups;
  #choose = () => {}; #back; #faces;

  constructor(node) {
    this.node = node;
    this.#search = node.querySelector('input');
    this.#grid = node.querySelector('.emojis');
    this.#nothing = node.querySelector('.nothing');
    this.#usual = node.querySelector('.usual');
    this.#faces = [...this.#usual.querySelectorAll('.face')].map(({ dataset, ariaLabel }) => ({ emoji: dataset.emoji, name: ariaLabel }));
    this.#groups = createElement('div', 'groups');
    Object.assign(this.#groups, { role: 'group', ariaLabel: 'Categories' });
    this.#usual.after(this.#groups);
    this.#search.addEventListener('input', () => this.#show());
    node.addEventListener('click', (event) => this.#chosen(event.target.closest('.face')));
    node.addEventListener('keydown', (event) => this.#key(event));
    node.addEventListener('toggle', ({ newState }) => {
      const isLost = !document.activeElement || document.activeElement === document.body || node.contains(document.activeElement);
      if (newState === 'closed' && isLost) this.#back?.focus({ preventScroll: true });
    });
  }

  open(at, choose, back) {
    this.#back = back;
    this.#choose = choose;
    this.#search.value = '';
    this.#quick();
    this.#show();
    this.node.showPopover();
    positionPopover(this.node, at);
    if (matchMedia('(pointer: fine)').matches) this.#search.focus(); else this.#usual.querySelector('.face').focus();
  }

  // Recent emoji, then the usual ones.
  async #quick() {
    const last = recent().slice(0, RECENT);
    const show = (nameOf) => {
      const all = [...last.map((emoji) => ({ emoji, name: nameOf(emoji) })), ...this.#faces.filter(({ emoji }) => !last.includes(emoji))];
      this.#usual.replaceChildren(...all.slice(0, RECENT).map(({ emoji, name }) => {
        const press = face(emoji, name);
        if (last.includes(emoji)) press.dataset.recent = '';
        return press;
      }));
    };
    show((emoji) => this.#faces.find((one) => one.emoji === emoji)?.name ?? emoji);
    const all = (await groups().catch(() => [])).flatMap((group) => group.emoji);
    for (const press of this.#usual.children) press.title = press.ariaLabel = all.find(({ emoji }) => emoji === press.dataset.emoji)?.name ?? press.ariaLabel;
  }

  async #show() {
    const wanted = this.#search.value.trim().replaceAll(':', '');
    const found = await (wanted ? search(wanted, SHOWN) : groups()).catch(() => []);
    // Only the answer to the latest search is shown.
    if (wanted !== this.#search.value.trim().replaceAll(':', '')) return;
    this.#groups.hidden = this.#usual.hidden = !!wanted;
    if (wanted) this.#grid.replaceChildren(...found.map(({ emoji, name }) => face(emoji, name)));
    else if (!this.#grid.querySelector('.group')) {
      this.#grid.replaceChildren(...found.flatMap(({ name, emoji }) => [createElement('p', 'group', name), ...emoji.map((one) => face(one.emoji, one.name))]));
      this.#groups.replaceChildren(...found.map(({ name, emoji }) => this.#leap(name, emoji[0].emoji)));
    }
    this.#grid.scrollTop = 0;
    this.#nothing.hidden = found.length > 0;
  }

  // A button that scrolls to a group.
  #leap(name, sign) {
    const press = createElement('button', 'leap', sign);
    Object.assign(press, { type: 'button', title: name, ariaLabel: name });
    press.addEventListener('click', () => {
      const head = [...this.#grid.querySelectorAll('.group')].find((group) => group.textContent === name);
      this.#grid.scrollTop += head.getBoundingClientRect().top - this.#grid.getBoundingClientRect().top;
      head.nextElementSibling?.focus({ preventScroll: true });
    });
    return press;
  }

  #chosen(face) {
    if (!face) return;
    this.node.hidePopover();
    this.#choose(face.dataset.emoji);
  }

  #key(event) {
    const faces = [...this.node.querySelectorAll('.face')].filter((face) => face.checkVisibility());
    const at = faces.indexOf(document.activeElement);
    if (event.key === 'Enter' && document.activeElement === this.#search) { event.preventDefault(); this.#chosen(this.#grid.querySelector('.face')); return; }
    const { key } = event;
    if (!key.startsWith('Arrow') || (at < 0 && key !== 'ArrowDown') || document.activeElement.matches('.leap')) return;
    event.preventDefault();
    if (at < 0) return faces[0]?.focus();
    const rtl = getComputedStyle(this.node).direction === 'rtl' ? -1 : 1;
    if (key === 'ArrowRight' || key === 'ArrowLeft') return (faces[at + (key === 'ArrowRight' ? rtl : -rtl)] ?? this.#search).focus();
    // By position: groups have incomplete last lines.
    const { left, top } = faces[at].getBoundingClientRect();
    const isDown = key === 'ArrowDown';
    const boxes = faces.map((face) => ({ face, box: face.getBoundingClientRect() })).filter(({ box }) => (isDown ? box.top > top + 4 : box.top < top - 4));
    if (!boxes.length) { if (!isDown) this.#search.focus(); return; }
    const row = isDown ? Math.min(...boxes.map(({ box }) => box.top)) : Math.max(...boxes.map(({ box }) => box.top));
    const near = boxes.filter(({ box }) => Math.abs(box.top - row) < 4).sort((a, b) => Math.abs(a.box.left - left) - Math.abs(b.box.left - left))[0];
    near.face.focus();
  }
}

function face(char, name) {
  const press = createElement('button', 'face', char);
  press.type = 'button';
  press.dataset.emoji = char;
  press.title = press.ariaLabel = name;
  return press;
}
