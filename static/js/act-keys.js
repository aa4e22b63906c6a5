// Keys on the focused message: each does what the menu does.

import { letter } from '#js/keys.js';

const KEYS = { e: 'edit', r: 'reply', t: 'thread', '+': 'react', a: 'react', p: 'pin', u: 'unread', c: 'link', Delete: 'delete' };

export class Keys {
  constructor(acts, menu) {
    acts.list.addEventListener('keydown', (event) => {
      if (!event.target.matches('.message') || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const key = letter(event);
      if (key === 'm' || event.key === 'ContextMenu') { event.preventDefault(); menu.open(event.target, event.target); return; }
      const act = KEYS[key];
      if (!act) return;
      event.preventDefault();
      acts.do(act, event.target);
    });
  }
}
