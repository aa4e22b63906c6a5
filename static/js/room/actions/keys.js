// Keyboard shortcuts on the focused message, with the same effects as the menu.

import { letter } from '#js/core/shortcuts.js';

const KEYS = { e: 'edit', r: 'reply', t: 'thread', '+': 'react', a: 'react', p: 'pin', u: 'unread', c: 'link', Delete: 'delete' };

export class ActionKeys {
  constructor(actions, menu) {
    actions.list.addEventListener('keydown', (event) => {
      if (!event.target.matches('.message') || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const key = letter(event);
      if (key === 'm' || event.key === 'ContextMenu') { event.preventDefault(); menu.open(event.target, event.target); return; }
      const act = KEYS[key];
      if (!act) return;
      event.preventDefault();
      actions.do(act, event.target);
    });
  }
}
