// Blocked people: their messages are collapsed until the reader shows one, and nothing of theirs notifies.
import { createElement } from '#js/core/dom.js';

const blocked = new Set((document.querySelector('.app')?.dataset.blocked ?? '').split(',').filter(Boolean));

export function isBlocked(username) { return blocked.has(username); }

// Collapses a message of a blocked person, in the server's markup.
export function collapse(node) {
  if (!blocked.has(node.dataset.author) || node.hasAttribute('data-blocked')) return;
  const line = createElement('details', 'blocked');
  const words = createElement('summary', '', 'Message from a blocked person · ');
  words.id = `k${node.id}`;
  words.append(createElement('span', 'show', 'Show'));
  line.append(words);
  node.dataset.blocked = '';
  if (node.id) node.setAttribute('aria-labelledby', words.id);
  node.prepend(line);
}

// `blocked {user, blocked}`: on another page or device of this person.
export function blockChanged({ user, blocked: isOn }) {
  if (isOn) blocked.add(user);
  else blocked.delete(user);
  for (const node of document.querySelectorAll(`.message[data-author="${CSS.escape(user)}"]`)) {
    if (isOn) collapse(node);
    else {
      node.querySelector(':scope > .blocked')?.remove();
      node.removeAttribute('data-blocked');
      node.setAttribute('aria-labelledby', [...node.querySelectorAll('.byline, .body, .files')].map(({ id }) => id).filter(Boolean).join(' '));
    }
  }
}
